"""Scenes and films as text, LaTeX, SVG, animations and files."""

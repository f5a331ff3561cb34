"""Pictures: one scene, drawn by every renderer."""

from convmatrix.show.model.scene import Scene

__all__ = ["Scene"]

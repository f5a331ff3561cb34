"""Models of pictures, independent of renderers: scenes, films, colours, sizes as sentences, printable text."""

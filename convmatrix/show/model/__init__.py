"""What is drawn, free of any renderer: scenes, films, colours, sizes as sentences, printable text."""

"""The pictures of the pages: Altair in the house theme, in the screen's font, on any width.

`picture.py` has what they share and puts one on a page; beside it one file per page that has pictures.
Frames in, a `Picture` out; a frame with nothing to draw gives None, and the page says so.
"""

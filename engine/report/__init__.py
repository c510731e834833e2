"""One study as one page: HTML and PDF.

Begin with `write`; `content` decides what is said, `html` and `pdf` lay it out.
"""

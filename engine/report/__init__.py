"""One study as one page: HTML and PDF.

Begin with `write`; `content` decides what a report contains, `html` and `pdf` lay it out.
"""

"""A study as one page that needs nothing else: HTML, and PDF for print."""

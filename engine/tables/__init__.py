"""Tables as text, CSV, LaTeX and JSON.

Begin with `table` (several seeds, the paper's figures beside ours); `csv` and `model_csv` are
sheets in full, `study_text` is what the command line prints of one study.
"""

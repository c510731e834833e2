"""Small general widgets that know nothing about unlearning.

Begin with `plot_widget` and `table`; `plain_text` and `markup` keep foreign names from being read
as markup.
"""

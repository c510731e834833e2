"""Tables over several seeds in LaTeX."""

from __future__ import annotations

from engine import PROGRAM
from engine.tables.table import NONE, Report, Table, TableRow


def latex(report: Report, table: Table) -> str:
    """A booktabs table (packages booktabs and graphicx): ours, paper and gap for each measure."""
    compares = table.compares
    width = 3 if compares else 1
    columns = "l" + "r" * (width * len(table.columns))
    heads = [rf"\multicolumn{{{width}}}{{c}}{{{_tex(one.title)}}}" for one in table.columns]
    lines = [
        f"% {report.command} ({PROGRAM})",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_tex(f'{report.headline}. {table.title}')}; seeds {report.seed_list}.}}",
        r"  \resizebox{\linewidth}{!}{%",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        f"    {' & '.join([_tex(table.stub), *heads])} \\\\",
    ]
    if compares:
        ends = [2 + 3 * i for i in range(len(table.columns))]
        lines.append("    " + " ".join(rf"\cmidrule(lr){{{i}-{i + 2}}}" for i in ends))
        lines.append("    " + " & ".join(["", *["ours", "paper", "gap"] * len(ends)]) + r" \\")
    lines.append(r"    \midrule")
    lines += [f"    {_tex_row(table, row, compares)} \\\\" for row in table.rows]
    lines += [r"    \bottomrule", r"  \end{tabular}}", ""]
    lines += [rf"  \footnotesize $^{{{n}}}$ {_tex(why)}\par" for why, n in table.footnotes.items()]
    lines += [rf"  \footnotesize {_tex(note)}\par" for note in report.all_notes]
    return "\n".join([*lines, r"\end{table}", ""])


def _tex_row(table: Table, row: TableRow, compares: bool) -> str:
    marks = table.marks
    label = _tex(row.label) + (f"$^{{{marks[row.name]}}}$" if row.name in marks else "")
    cells = [label]
    for column in table.columns:
        cell = row.cells.get(column.name)
        texts = [column.ours(cell)]
        texts += [column.theirs(cell), column.gap(cell)] if compares else []
        cells += [_tex_number(one) for one in texts]
    return " & ".join(cells)


def _tex_number(text: str) -> str:
    if text == NONE:
        return "--"
    number, _, printed = text.partition(" (")
    number = number.replace("±", r" \pm ").replace("≥", r"\geq ")
    if printed[:1] in ("+", "-"):
        printed = f"${printed.removesuffix(')')}$)"
    return f"${number}$" + (f" ({printed}" if printed else "")


def _tex(words: str) -> str:
    for sign in "\\&%$#_{}":
        words = words.replace(sign, r"\textbackslash " if sign == "\\" else f"\\{sign}")
    return (
        words.replace("±", r"$\pm$").replace("≥", r"$\geq$").replace("<", "$<$").replace(">", "$>$")
    )

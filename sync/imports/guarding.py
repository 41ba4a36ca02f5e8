"""Cells that a spreadsheet would take for formulas: defused on the way out, as they were on the way in.

OWASP's advice is a quote before the cell. So that an export imports again without a change, a cell that
begins with such quotes before such a character gets one, too: exactly one is taken off again.
"""

from __future__ import annotations

import re

_OUT = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_IN = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def guarded(cell: str) -> str:
    """The cell as it is written."""
    return f"'{cell}" if _OUT.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before it was written."""
    return cell[1:] if _IN.match(cell) else cell

"""Settings as a reader would copy them out of the documents."""
import re

from clients import SOURCE


def lines_of(section, language, document="docs/dropin.md"):
    """The first block of this language in the section."""
    text = (SOURCE / document).read_text().split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.search(f"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]


def row_of(client, document="README.md"):
    """The settings in a row of the table of clients: each piece of code that is a table's name or sets a key."""
    row = next(line for line in (SOURCE / document).read_text().splitlines() if line.startswith(f"| {client} | "))
    pieces = re.findall("`([^`]+)`", row)
    return "".join(f"{piece}\n" for piece in pieces if re.fullmatch(r"\[[\w.]+\]|[\w-]+ = .*", piece))

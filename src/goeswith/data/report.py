"""What was read, what was kept, what was set aside and why: it adds up."""

from dataclasses import dataclass, field

from goeswith.data.columns import ColumnMap


@dataclass
class SourceReport:
    """One file or frame; read = kept + the sum of set_aside.

    notes : what was kept but is worth knowing, with how many rows it touches
    """

    what: str
    source: str
    read: int
    kept: int
    set_aside: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    columns: ColumnMap | None = None

    def to_dict(self) -> dict[str, object]:
        columns = self.columns.theirs if self.columns else {}
        found = self.columns.found if self.columns else {}
        return {
            "what": self.what,
            "source": self.source,
            "read": self.read,
            "kept": self.kept,
            "set_aside": dict(self.set_aside),
            "notes": dict(self.notes),
            "columns": {ours: {"theirs": theirs, "by": found.get(ours, "header")} for ours, theirs in columns.items()},
        }


@dataclass
class ImportReport:
    """What the last create or add did; prints itself.

    sources : one a file or frame, products first
    totals : what the shop holds now
    """

    sources: list[SourceReport] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        return {"sources": [source.to_dict() for source in self.sources], "shop": dict(self.totals)}

    def of(self, what: str) -> SourceReport:
        """All sources of "products" or "events" as one."""
        total = SourceReport(what, what, 0, 0)
        for source in self.sources:
            if source.what == what:
                total.read += source.read
                total.kept += source.kept
                for ours, theirs in ((total.set_aside, source.set_aside), (total.notes, source.notes)):
                    for reason, count in theirs.items():
                        ours[reason] = ours.get(reason, 0) + count
        return total

    def __str__(self) -> str:
        return "\n\n".join([*map(_section, self.sources), _totals(self.totals)]).strip()


def _section(source: SourceReport) -> str:
    lines = [f"{source.what}: {source.source}"]
    lines += [f"    {line}" for line in str(source.columns).splitlines()] if source.columns else []
    lines += [_line(source.read, "rows read"), _line(source.kept, "kept")]
    lines += [_line(sum(source.set_aside.values()), "set aside")] if source.set_aside else []
    lines += [_line(count, reason, deeper=True) for reason, count in _largest_first(source.set_aside)]
    lines += ["  of those kept:"] if source.notes else []
    lines += [_line(count, note, deeper=True) for note, count in _largest_first(source.notes)]
    return "\n".join(lines)


def _totals(totals: dict[str, int]) -> str:
    return "the shop now holds " + ", ".join(f"{n:,} {name}" for name, n in totals.items()) if totals else ""


def _line(count: int, text: str, deeper: bool = False) -> str:
    return f"  {count:>12,}  {'  ' if deeper else ''}{text}"


def _largest_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((text, n) for text, n in counts.items() if n), key=lambda pair: -pair[1])

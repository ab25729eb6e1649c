"""Progress on stderr: a bar where people look, nothing where machines do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def bars() -> Iterator[Callable[[str, int | None], Callable[..., None]]]:
    """A maker of progress bars: `bar(title, total)` gives `advance(done_more)` or, with two
    arguments, `advance(done, total)`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )

    def bar(title: str, total: int | None = None) -> Callable[..., None]:
        task = progress.add_task(title, total=total, rate="")

        def advance(*numbers: int) -> None:
            fields: dict[str, Any] = {}
            if len(numbers) == 2:
                progress.update(task, completed=numbers[0], total=numbers[1])
            else:
                progress.advance(task, numbers[0])
            speed = progress.tasks[task].speed
            if speed:
                fields["rate"] = f"{speed:,.0f}/s"
            progress.update(task, **fields)

        return advance

    with progress:
        yield bar

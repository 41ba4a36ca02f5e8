"""Requests that come at the same time share one piece of work: one transaction, one look, one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST = 100


class Batches(Generic[Asked, Answered]):
    """Gathers what is asked while the last batch is at work; alone, a request waits for nobody.

    Args:
        work: answers a batch, one answer each in the same order, in a thread. An exception in the place of
            an answer is raised to that one alone; one that `work` raises goes to the whole batch.
        most: requests in a batch.
    """

    def __init__(
        self, work: Callable[[Sequence[Asked]], Sequence[Answered | Exception]], *, most: int = MOST
    ) -> None:
        self._work, self._most = work, most
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answered:
        """The answer to one request."""
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())
        return await future

    async def _go_on(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._most]
                del self._waiting[: self._most]
                answers = await self._answers([asked for asked, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():  # whoever asked was cancelled
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._task = None

    async def _answers(self, asked: Sequence[Asked]) -> Sequence[Answered | Exception]:
        try:
            return await run_in_threadpool(self._work, asked)
        except Exception as error:
            return [error] * len(asked)

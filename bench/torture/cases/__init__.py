"""Cases: directed schedules, each the shortest way to one danger. Judged as any schedule."""

from __future__ import annotations

from bench.torture.cases.answers import CASES as ANSWERS
from bench.torture.cases.deaths import CASES as DEATHS
from bench.torture.cases.feeds import CASES as FEEDS
from bench.torture.cases.lives import CASES as LIVES
from bench.torture.cases.races import CASES as RACES
from bench.torture.cases.stage import Case

CASES: tuple[Case, ...] = (*FEEDS, *RACES, *ANSWERS, *LIVES, *DEATHS)

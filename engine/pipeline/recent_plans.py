"""A cache of recent plans, so that a click need not recompute their keys."""

from __future__ import annotations

from collections import deque

from engine.spec import RunSpec
from engine.study.plan import Plan

MOST = 8  # cached plans


class RecentPlans:
    """Makes plans and caches the most recent ones. For use by one thread."""

    def __init__(self, most: int = MOST) -> None:
        self._plans: deque[Plan] = deque(maxlen=most)

    def of(self, spec: RunSpec) -> Plan:
        """The plan of this study; raises SpecError as `Plan.of`."""
        plan = next((one for one in self._plans if one.spec == spec), None)
        if plan is None:
            plan = Plan.of(spec)
            self._plans.appendleft(plan)
        return plan

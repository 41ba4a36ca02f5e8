"""T1 on the planner alone: the same promises, in a world small enough for a hundred thousand schedules.

Matching, the address check, the three-way comparison and the settling of writes are Concord's own; the store
and the CRMs around them are plain dictionaries, and the steps of a sync are those of `sync.cycle`, told anew.
"""

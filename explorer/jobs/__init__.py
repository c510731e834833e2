"""Background work: lanes (threads with a queue) and the tasks they run.

Begin with `lanes`; every task is a plain function in `study_tasks`, `probe_tasks` or `file_tasks`.
"""

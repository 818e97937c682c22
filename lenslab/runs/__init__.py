"""Training: the loop, the folder that a run lives in, and runs in the background.

`folder`, `turns` and `jobs` load neither torch nor numpy, so that watching a run costs nothing; `train` is the loop.
"""

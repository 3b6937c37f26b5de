"""What people bring themselves: photos one by one, and sets of them.

Pictures stay in memory, bounded and by session. Sets are measured piece by piece.
"""

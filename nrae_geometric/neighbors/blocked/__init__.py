r"""Exact blocked search.

The points are ordered, tiles of the distance matrix are filtered in low precision with a proven
bound, and the pairs that pass are ranked in float64.
"""

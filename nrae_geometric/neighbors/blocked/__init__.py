r"""Parts of the exact blocked search: order the points, filter tiles of the distance matrix in low
precision with a proven bound, keep what passes, rank it in float64."""

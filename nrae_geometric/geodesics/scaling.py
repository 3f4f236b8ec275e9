"""Coordinates from distances."""

import numpy as np

_DISTANCES_AT_ONCE = 2**24


def landmark_scaling(landmarks: np.ndarray, distance: np.ndarray, dim: int) -> np.ndarray:
    r"""Classical scaling of landmarks, and the other points placed by their distances to them.

    With :math:`\Delta_{ij}` the squared distances of the :math:`L` landmarks, :math:`\lambda_a,
    v_a` the largest eigenvalues and their eigenvectors of :math:`-\tfrac{1}{2} H \Delta H`, where
    :math:`H = I - \tfrac{1}{L} 1 1^\top`, a point with squared distances :math:`\delta` to the
    landmarks has the coordinates

    .. math::
        z_a = -\tfrac{1}{2} \, \lambda_a^{-1/2} \, v_a^\top (\delta - \bar{\Delta}), \qquad
        a = 1, \ldots, d,

    with :math:`\bar{\Delta}` the mean row of :math:`\Delta`. For the landmarks themselves these
    are the coordinates of classical scaling. Coordinates beyond the positive eigenvalues are zero.

    Source: de Silva and Tenenbaum, "Sparse Multidimensional Scaling using Landmark Points",
    technical report, Stanford, 2004; Torgerson, "Multidimensional Scaling", Psychometrika 1952.

    Args:
        landmarks: The landmarks' numbers ``[L]``.
        distance: From landmarks to all points, ``[L, N]``.
        dim: The number of coordinates :math:`d`.

    Returns:
        Coordinates ``[N, dim]``, of falling variance over the landmarks. Of each coordinate the
        landmark with the largest magnitude is positive.
    """
    from scipy.linalg import eigh

    between = np.square(distance[:, landmarks])
    mean = between.mean(axis=1)
    gram = -0.5 * (between - mean - mean[:, None] + mean.mean())
    num_landmarks = len(landmarks)
    first = max(0, num_landmarks - dim)
    value, vector = eigh(gram, subset_by_index=[first, num_landmarks - 1])
    value, vector = value[::-1], vector[:, ::-1]
    vector *= np.sign(np.take_along_axis(vector, abs(vector).argmax(axis=0)[None], axis=0))
    # Smaller eigenvalues are zeros but for rounding, and would be divided by.
    positive = value > 1e-9 * max(value[0], np.finfo(float).tiny)
    basis = -0.5 * vector[:, positive] / np.sqrt(value[positive])
    coordinates = np.zeros((distance.shape[1], dim))
    for rows in np.array_split(
        np.arange(len(coordinates)), 1 + distance.size // _DISTANCES_AT_ONCE
    ):
        squared = np.square(distance[:, rows])
        coordinates[rows, : basis.shape[1]] = squared.T @ basis - mean @ basis
    return coordinates

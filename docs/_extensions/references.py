"""References under short names lead where the full ones do.

``nrae_geometric.NRAE`` leads to its home in ``nrae_geometric.nn``, and what docstrings call
``Tensor``, or a base class calls by the file it is defined in, to the name under which its own
documentation has it.
"""

from docutils.nodes import Element, TextElement
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import nrae_geometric

FULL_NAMES = {
    "Axes": "matplotlib.axes.Axes",
    "BaseSampler": "torch_geometric.sampler.BaseSampler",
    "Data": "torch_geometric.data.Data",
    "Figure": "matplotlib.figure.Figure",
    "NodeSamplerInput": "torch_geometric.sampler.NodeSamplerInput",
    "Path": "pathlib.Path",
    "RandomState": "numpy.random.RandomState",
    "StoredTransformer": "nrae_geometric.estimator.ManifoldAutoencoder",
    "SubFigure": "matplotlib.figure.SubFigure",
    "Tensor": "torch.Tensor",
    "array": "numpy.ndarray",
    "ndarray": "numpy.ndarray",
    "pydantic.main.BaseModel": "pydantic.BaseModel",
    "torch.nn.modules.module.Module": "torch.nn.Module",
    "torch_geometric.data.in_memory_dataset.InMemoryDataset": (
        "torch_geometric.data.InMemoryDataset"
    ),
    "torch_geometric.loader.neighbor_loader.NeighborLoader": (
        "torch_geometric.loader.NeighborLoader"
    ),
    "torch_geometric.sampler.base.BaseSampler": "torch_geometric.sampler.BaseSampler",
    "torch_geometric.transforms.base_transform.BaseTransform": (
        "torch_geometric.transforms.BaseTransform"
    ),
}
PACKAGE = "nrae_geometric."


def setup(app: Sphinx) -> dict[str, bool]:
    """Looks names up before intersphinx does."""
    app.connect("missing-reference", resolve, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: TextElement
) -> Element | None:
    """Returns the reference to a name of the package's own; renames others for intersphinx."""
    name = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py":
        return None
    node["reftarget"] = target = FULL_NAMES.get(name, name)
    short = name.removeprefix(PACKAGE)
    if (thing := short.partition(".")[0]) in nrae_geometric.__all__:
        home = getattr(nrae_geometric, thing)
        package = home.__module__.split(".")[1]  # which documents what lies in its files
        target = f"{PACKAGE}{package}.{short}"
    elif "." not in name and node.get("reftype") != "obj":
        node["refspecific"] = True  # any name that ends like this
    else:
        return None
    domain = env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)

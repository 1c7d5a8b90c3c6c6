"""The experiment networks of networks/ in PyTorch, with the names that our weights have where PyTorch allows it."""

import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    """Linear or convolution, batch normalization, ReLU."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped, norm = self.children()
        return F.relu(norm(mapped(x)))


def conv_layer(inputs: int, outputs: int) -> Layer:
    return Layer(conv=nn.Conv2d(inputs, outputs, 3, padding=1), norm=nn.BatchNorm2d(outputs))


class MLP(nn.Module):
    def __init__(self, width: int, depth: int, classes: int) -> None:
        super().__init__()
        for index in range(depth):
            linear = nn.Linear(3072 if index == 0 else width, width)
            self.add_module(f"layer{index}", Layer(linear=linear, norm=nn.BatchNorm1d(width)))
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = x.flatten(1)
        for part in self.children():
            hidden = part(hidden)
        return hidden


class MCNN(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.layer0 = conv_layer(3, width)
        self.layer1 = conv_layer(width, 2 * width)
        self.layer2 = conv_layer(2 * width, 4 * width)
        self.layer3 = conv_layer(4 * width, 8 * width)
        self.head = nn.Linear(8 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = F.max_pool2d(self.layer1(self.layer0(x)), 2)
        hidden = self.layer3(F.max_pool2d(self.layer2(hidden), 2))
        return self.head(F.max_pool2d(hidden, 8).flatten(1))


class PreactBlock(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm0 = nn.BatchNorm2d(inputs)
        self.conv0 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        if stride != 1 or inputs != width:
            self.skip = nn.Conv2d(inputs, width, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = F.relu(self.norm0(x))
        kept = self.skip(activated) if hasattr(self, "skip") else x
        return self.conv1(F.relu(self.norm1(self.conv0(activated)))) + kept


class ResNet18k(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        inputs = width
        for group in range(4):
            outputs = width * 2**group
            blocks = {
                "block0": PreactBlock(inputs, outputs, 1 if group == 0 else 2),
                "block1": PreactBlock(outputs, outputs, 1),
            }
            self.add_module(f"group{group}", nn.ModuleDict(blocks))
            inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.stem(x)
        for group in (self.group0, self.group1, self.group2, self.group3):
            for block in group.values():
                hidden = block(hidden)
        return self.head(F.avg_pool2d(hidden, 4).flatten(1))


class VGG11(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        inputs = 3
        for group, widths in enumerate([[1], [2], [4, 4], [8, 8], [8, 8]]):
            layers = {}
            for index, multiplier in enumerate(widths):
                layers[f"layer{index}"] = conv_layer(inputs, multiplier * width)
                inputs = multiplier * width
            self.add_module(f"group{group}", nn.ModuleDict(layers))
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = x
        for group in (self.group0, self.group1, self.group2, self.group3, self.group4):
            for layer in group.values():
                hidden = layer(hidden)
            hidden = F.max_pool2d(hidden, 2)
        return self.head(hidden.flatten(1))


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm0 = nn.BatchNorm2d(inputs)
        self.conv0 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.conv0(F.relu(self.norm0(x)))
        return torch.cat([x, self.conv1(F.relu(self.norm1(hidden)))], 1)


class Join(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(nn.Module):
    def __init__(self, growth: int, depths: list[int], compression: float, classes: int) -> None:
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.plan: list[str] = []
        for block, depth in enumerate(depths):
            if block > 0:
                squeezed = int(channels * compression)
                self.add_module(f"join{block}", Join(channels, squeezed))
                self.plan.append(f"join{block}")
                channels = squeezed
            layers = {f"layer{index}": DenseLayer(channels + index * growth, growth) for index in range(depth)}
            self.add_module(f"block{block}", nn.ModuleDict(layers))
            self.plan += [f"block{block}.{name}" for name in layers]
            channels += depth * growth
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.stem(x)
        for name in self.plan:
            hidden = self.get_submodule(name)(hidden)
        return self.head(F.relu(self.norm(hidden)).mean((2, 3)))


class ViT(nn.Module):
    """Its blocks are PyTorch's own."""

    renamed = {
        "self_attn.in_proj_": "qkv.",
        "self_attn.out_proj": "out",
        "linear1": "widen",
        "linear2": "narrow",
        "norm1": "norm0",
        "norm2": "norm1",
    }

    def __init__(self, patch: int, dim: int, depth: int, heads: int, mlp: int, classes: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, dim, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(torch.zeros(1, (32 // patch) ** 2 + 1, dim))
        self.depth = depth
        for index in range(depth):
            block = nn.TransformerEncoderLayer(dim, heads, mlp, 0.0, "gelu", batch_first=True, norm_first=True)
            self.add_module(f"block{index}", block)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.embed(x).flatten(2).transpose(1, 2)
        hidden = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.position
        for index in range(self.depth):
            hidden = self.get_submodule(f"block{index}")(hidden)
        return self.head(self.norm(hidden[:, 0]))


def make_network(options: dict) -> nn.Module:
    """options: what experimentNetworkSchema gives."""
    rest = {key: value for key, value in options.items() if key not in ("name", "dropout", "numClasses")}
    kinds = {"mlp": MLP, "mcnn": MCNN, "resnet18k": ResNet18k, "vgg11": VGG11, "vit": ViT, "densenet": DenseNet}
    return kinds[options["name"]](**rest, classes=options["numClasses"])


RENAMED = {"running_mean": "mean", "running_var": "variance"}


def named_tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and running statistics, by the names they have in our weights."""
    renamed = {**RENAMED, **getattr(network, "renamed", {})}
    tensors = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        for theirs, ours in renamed.items():
            name = name.replace(theirs, ours)
        if not name.endswith("num_batches_tracked"):
            tensors[name] = tensor
    return tensors


def load_weights(network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    tensors = named_tensors(network)
    if set(tensors) != set(weights):
        raise ValueError(f"the networks differ in {sorted(set(tensors) ^ set(weights))}")
    with torch.no_grad():
        for name, tensor in tensors.items():
            # Our linear layers have their inputs first.
            given = weights[name].T if weights[name].dim() == 2 else weights[name]
            tensor.copy_(given.reshape(tensor.shape))


def saved_weights(network: nn.Module, like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The network's weights in our layout; `like` has the shapes."""
    tensors = named_tensors(network)
    return {
        name: tensors[name].detach().reshape(shape.shape[::-1]).T if shape.dim() == 2 else tensors[name].detach()
        for name, shape in like.items()
    }

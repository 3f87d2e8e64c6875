"""Graph attention layers over spectral and temporal nodes, shared by AASIST and RawGAT-ST.

A graph is a tensor (B, nodes, features) whose nodes are all connected. Attribute names are the
keys of the published weight files.
"""

from __future__ import annotations

import torch
from torch import nn


class GraphAttention(nn.Module):
    """One graph attention layer (Tak et al., "Graph attention networks for anti-spoofing", 2021).

    An edge's logit is computed from the product of its two nodes' features and divided by
    `temperature` before the softmax over neighbours.
    """

    def __init__(self, inside: int, outside: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.att_weight = _vector(outside)
        self.att_proj = nn.Linear(inside, outside)
        self.proj_with_att = nn.Linear(inside, outside)
        self.proj_without_att = nn.Linear(inside, outside)
        self.bn = nn.BatchNorm1d(outside)
        self.drop = nn.Dropout(0.2)

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Map nodes (B, N, inside) to nodes (B, N, outside)."""
        nodes = self.drop(nodes)
        edges = torch.tanh(self.att_proj(_pairs(nodes)))
        shares = ((edges @ self.att_weight).squeeze(-1) / self.temperature).softmax(dim=2)
        merged = self.proj_with_att(shares @ nodes) + self.proj_without_att(nodes)
        return _normalise(self.bn, merged)


class StackedGraphAttention(nn.Module):
    """Heterogeneous graph attention with a stack node (AASIST, section 3.2).

    Edges within the first kind of node, within the second, and between the two have separate
    weight vectors. The stack node, called `listener` here, attends to all nodes; no information
    flows from it to the other nodes.
    """

    def __init__(self, inside: int, outside: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.proj_type1 = nn.Linear(inside, inside)
        self.proj_type2 = nn.Linear(inside, inside)
        self.att_proj = nn.Linear(inside, outside)
        self.att_projM = nn.Linear(inside, outside)
        self.att_weight11 = _vector(outside)
        self.att_weight22 = _vector(outside)
        self.att_weight12 = _vector(outside)
        self.att_weightM = _vector(outside)
        self.proj_with_att = nn.Linear(inside, outside)
        self.proj_without_att = nn.Linear(inside, outside)
        self.proj_with_attM = nn.Linear(inside, outside)
        self.proj_without_attM = nn.Linear(inside, outside)
        self.bn = nn.BatchNorm1d(outside)
        self.drop = nn.Dropout(0.2)

    def forward(
        self, first: torch.Tensor, second: torch.Tensor, listener: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map nodes (B, N, inside), (B, M, inside), (B or 1, 1, inside) to `outside` features."""
        sizes = [first.shape[1], second.shape[1]]
        nodes = self.drop(torch.cat([self.proj_type1(first), self.proj_type2(second)], dim=1))
        shares = self._edges(nodes, sizes).softmax(dim=2)
        merged = self.proj_with_att(shares @ nodes) + self.proj_without_att(nodes)
        heard = self._listen(nodes, listener)
        first, second = _normalise(self.bn, merged).split(sizes, dim=1)
        return first, second, heard

    def _edges(self, nodes: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        """Return the logits of the edges (B, N + M, N + M)."""
        kind = torch.arange(sum(sizes), device=nodes.device) >= sizes[0]
        pair = kind[:, None].long() + kind[None, :].long()  # 0, 1, 2: first, mixed, second
        vectors = torch.cat([self.att_weight11, self.att_weight12, self.att_weight22], dim=1).T
        edges = torch.tanh(self.att_proj(_pairs(nodes)))
        return (edges * vectors[pair]).sum(dim=3) / self.temperature

    def _listen(self, nodes: torch.Tensor, listener: torch.Tensor) -> torch.Tensor:
        """Return the updated stack node (B, 1, outside)."""
        edges = torch.tanh(self.att_projM(nodes * listener)) @ self.att_weightM
        shares = (edges / self.temperature).softmax(dim=1)
        heard = (shares * nodes).sum(dim=1, keepdim=True)
        return self.proj_with_attM(heard) + self.proj_without_attM(listener)


class GraphPool(nn.Module):
    """Pooling that keeps the fraction `keep` of nodes with the highest learnt scores, sorted."""

    def __init__(self, features: int, keep: float, least: int = 1) -> None:
        super().__init__()
        self.keep = keep
        self.least = least
        self.proj = nn.Linear(features, 1)
        self.drop = nn.Dropout(0.3)

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Map nodes (B, N, features) to (B, max(least, floor(keep * N)), features)."""
        count = max(self.least, int(self.keep * nodes.shape[1]))
        scores = self.proj(self.drop(nodes)).sigmoid()
        best = scores.topk(count, dim=1).indices
        return (nodes * scores).gather(1, best.expand(-1, -1, nodes.shape[2]))


def _vector(size: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(size, 1)))


def _pairs(nodes: torch.Tensor) -> torch.Tensor:
    """Return the products of all pairs of nodes (B, N, N, features)."""
    return nodes.unsqueeze(2) * nodes.unsqueeze(1)


def _normalise(bn: nn.BatchNorm1d, nodes: torch.Tensor) -> torch.Tensor:
    return nn.functional.selu(bn(nodes.flatten(0, 1)).view_as(nodes))

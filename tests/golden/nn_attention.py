"""Values for tests/lua/nn_attention_test.lua, from PyTorch in f64: layers with options that are not
the defaults, their results and all gradients. Writes nn_attention.npz beside this file.

Run by hand: env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE /usr/bin/python3 nn_attention.py
"""

import os

import numpy as np
import torch

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
kept = {}


def keep(case, **values):
    for name, value in values.items():
        value = value.detach().numpy() if torch.is_tensor(value) else np.asarray(value)
        kept[f"{case}/{name}"] = value


def draw(*sizes):
    return torch.randn(*sizes)


def shuffle_parameters(net):
    """Parameters that start as ones or zeros would hide mistakes."""
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p) * 0.3 + 0.1)


def keep_net(case, net):
    for name, value in net.state_dict().items():
        keep(case, **{f"state.{name}": value.clone()})


def keep_gradients(case, net):
    for name, p in net.named_parameters():
        keep(case, **{f"grad.{name}": p.grad.clone()})


def channels_last(t):
    return t.movedim(1, -1).contiguous()


def simple(case, net, x, move=lambda t: t):
    """A net of one input; gradients of sum(y g)."""
    shuffle_parameters(net)
    keep_net(case, net)
    x.requires_grad_()
    y = net(x)
    g = torch.randn_like(y)
    y.backward(g)
    keep(case, x=move(x), y=move(y), g=move(g), dx=move(x.grad))
    keep_gradients(case, net)
    return net


simple("layer_norm", torch.nn.LayerNorm([3, 5], eps=0.01), draw(2, 4, 3, 5))
simple("layer_norm_plain", torch.nn.LayerNorm(7, elementwise_affine=False), draw(5, 7) + 3)
simple("group_norm", torch.nn.GroupNorm(2, 6, eps=0.01), draw(3, 6, 4), channels_last)


def batch_norm(case, net, sizes):
    """Two steps of training, then evaluation: moments that run along."""
    simple(case, net, draw(*sizes) * 2 + 1, channels_last)
    x = draw(*sizes)
    keep(case, x2=channels_last(x), y2=channels_last(net(x)))
    for name, value in net.named_buffers():
        keep(case, **{f"after.{name}": value.clone()})
    net.eval()
    net.zero_grad()
    x = draw(*sizes).requires_grad_()
    y = net(x)
    g = torch.randn_like(y)
    y.backward(g)
    keep(case, x3=channels_last(x), y3=channels_last(y), g3=channels_last(g),
         dx3=channels_last(x.grad))
    for name, p in net.named_parameters():
        keep(case, **{f"grad3.{name}": p.grad.clone()})


batch_norm("batch_norm1d", torch.nn.BatchNorm1d(4, eps=0.01, momentum=0.3), (5, 4, 3))
batch_norm("batch_norm1d_cumulative", torch.nn.BatchNorm1d(3, momentum=None), (6, 3))
batch_norm("batch_norm1d_untracked",
           torch.nn.BatchNorm1d(3, affine=False, track_running_stats=False), (6, 3))
batch_norm("batch_norm2d", torch.nn.BatchNorm2d(3, momentum=0.2), (2, 3, 4, 5))

table = torch.nn.Embedding(7, 3, padding_idx=2)
index = torch.tensor([[0, 2, 6], [6, 2, 6]])
keep_net("embedding", table)
y = table(index)
g = torch.randn_like(y)
y.backward(g)
keep("embedding", x=index + 1, y=y, g=g)
keep_gradients("embedding", table)


def attention(case, net, q, k, v, **options):
    shuffle_parameters(net)
    keep_net(case, net)
    inputs = []
    for t in (q, k, v):
        if not any(t is other for other in inputs):
            inputs.append(t.requires_grad_())
    y, weights = net(q, k, v, need_weights=True, average_attn_weights=False, **options)
    g = torch.randn_like(y)
    y.backward(g)
    keep(case, y=y, g=g, weights=weights)
    for name, t in zip(("q", "k", "v"), inputs):
        keep(case, **{name: t, f"d{name}": t.grad})
    keep_gradients(case, net)


def heads(features, count, **options):
    return torch.nn.MultiheadAttention(features, count, batch_first=True, **options)


x = draw(2, 5, 6)
causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
attention("mha_causal", heads(6, 2), x, x, x, attn_mask=causal)

x = draw(3, 4, 6)
lengths = torch.tensor([4, 1, 3])
padded = torch.arange(4)[None, :] >= lengths[:, None]
keep("mha_lengths", lengths=lengths, padding=padded)
attention("mha_lengths", heads(6, 3, bias=False), x, x, x, key_padding_mask=padded)

q, k, v = draw(2, 3, 8), draw(2, 5, 8), draw(2, 5, 8)
mask = draw(2 * 4, 3, 5)
keep("mha_three", mask=mask)
attention("mha_three", heads(8, 4), q, k, v, attn_mask=mask)

q, k = draw(1, 6, 4), draw(1, 2, 4)
attention("mha_two", heads(4, 1), q, k, k)


def encoder_layer(case, **options):
    net = torch.nn.TransformerEncoderLayer(8, 2, dim_feedforward=12, dropout=0.0, batch_first=True,
                                           layer_norm_eps=1e-3, **options)
    shuffle_parameters(net)
    keep_net(case, net)
    x = draw(2, 5, 8).requires_grad_()
    y = net(x, src_mask=causal)
    g = torch.randn_like(y)
    y.backward(g)
    keep(case, x=x, y=y, g=g, dx=x.grad)
    keep_gradients(case, net)


encoder_layer("encoder_layer_relu", activation="relu")
encoder_layer("encoder_layer_gelu", activation="gelu", norm_first=True)

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn_attention.npz"),
                    **kept)

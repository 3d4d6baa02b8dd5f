# SPDX-License-Identifier: MIT
"""models.py - the models of `vae bench` (src/workloads.c) as PyTorch modules, with the same layers and the same losses."""
import torch
import torch.nn.functional as F
from torch import nn


# ---- training: forward gives the loss --------------------------------------------------------------------------------
def bernoulli(logits, x):
    """-log p(x | logits) in nats per example."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.shape[0]


class OptimalGaussian(nn.Module):
    """-log p(x | mean) with the deviation under which the batch is likeliest, and its running mean (sigma=optimal)."""

    def __init__(self):
        super().__init__()
        self.register_buffer("log_sigma", torch.zeros(()))

    def forward(self, mean, x):
        mse = F.mse_loss(mean, x)
        log_sigma = F.softplus(0.5 * mse.log() + 6) - 6
        with torch.no_grad():
            self.log_sigma.lerp_(log_sigma, 0.01)
        return x[0].numel() * (0.5 * mse * torch.exp(-2 * log_sigma) + log_sigma + 0.9189385332)


class GaussianVae(nn.Module):
    """A Gaussian latent between two stacks; minus the ELBO, one sample."""

    def __init__(self, encoder, features, dim, decoder, nll):
        super().__init__()
        self.encoder, self.decoder, self.nll = encoder, decoder, nll
        self.mean, self.logvar = nn.Linear(features, dim), nn.Linear(features, dim)

    def forward(self, x):
        h = self.encoder(x)
        mean, logvar = self.mean(h), self.logvar(h).clamp(-30, 20)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        rate = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / x.shape[0]
        return self.nll(self.decoder(z), x) + rate


def dense_vae():
    encoder = nn.Sequential(nn.Linear(784, 128), nn.LeakyReLU(0.3))
    decoder = nn.Sequential(nn.Linear(256, 128), nn.LeakyReLU(0.3), nn.Linear(128, 784))
    return GaussianVae(encoder, 128, 256, decoder, OptimalGaussian())


def conv_logits():
    return nn.Sequential(nn.Linear(32, 3136), nn.Unflatten(1, (64, 7, 7)),
                         nn.ConvTranspose2d(64, 64, 3, 2, 1, 1), nn.ReLU(),
                         nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(), nn.Conv2d(32, 1, 3, 1, 1))


def conv_vae():
    encoder = nn.Sequential(nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Flatten())
    return GaussianVae(encoder, 3136, 32, conv_logits(), bernoulli)


class Last(nn.Module):
    """The last step of a recurrent layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][:, -1]


class Spread(nn.Module):
    def forward(self, z):
        return z[:, None].expand(-1, 64, -1)


def gru_vae():
    return GaussianVae(Last(nn.GRU(128, 128, batch_first=True)), 128, 16, nn.Sequential(Spread(), nn.Linear(16, 128)), OptimalGaussian())


def lstm_vae():
    return GaussianVae(Last(nn.LSTM(128, 128, batch_first=True)), 128, 16, nn.Sequential(Spread(), nn.Linear(16, 128)), OptimalGaussian())


class Codebook(nn.Module):
    """The nearest of K codes, straight through; codes are debiased moving averages. Returns the codes and the sum of
    squares to them. Sums by code are an index_add_, which does 1/K of the work of a product with one-hot rows."""

    def __init__(self, K, D, decay=0.99, eps=1e-5):
        super().__init__()
        self.decay, self.eps = decay, eps
        self.register_buffer("codes", torch.empty(K, D).uniform_(-1 / K, 1 / K))
        self.register_buffer("count", torch.zeros(K))
        self.register_buffer("sum", torch.zeros(K, D))
        self.register_buffer("steps", torch.zeros(()))

    @torch.no_grad()
    def learn(self, x, index):
        n = torch.zeros_like(self.count).index_add_(0, index, torch.ones_like(x[:, 0]))
        self.count.lerp_(n, 1 - self.decay)
        self.sum.lerp_(torch.zeros_like(self.sum).index_add_(0, index, x), 1 - self.decay)
        self.steps += 1
        bias = 1 - self.decay ** self.steps
        total = self.count.sum() / bias
        count = (self.count / bias + self.eps) / (total + len(n) * self.eps) * total
        moved = self.sum / (bias * count)[:, None]
        self.codes.copy_(torch.where(n[:, None] > 0, moved, self.codes))

    def forward(self, h):
        x = h.permute(0, 2, 3, 1).reshape(-1, h.shape[1])
        with torch.no_grad():
            index = torch.addmm(self.codes.square().sum(1), x, self.codes.t(), alpha=-2).argmin(1)
            q = F.embedding(index, self.codes)
        distance = (x - q).square().sum()
        self.learn(x.detach(), index)
        through = x + (q - x).detach()
        return through.view(h.shape[0], h.shape[2], h.shape[3], -1).permute(0, 3, 1, 2), distance


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.body(x)


class VqVae(nn.Module):
    """Squared error, halved and summed, and 0.25 of the squares from vectors to their codes."""

    def __init__(self):
        super().__init__()

        def block():
            return Residual(nn.ReLU(), nn.Conv2d(128, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 128, 1))

        self.encoder = nn.Sequential(nn.Conv2d(3, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(),
                                     nn.Conv2d(128, 128, 3, 1, 1), block(), block(), nn.ReLU(), nn.Conv2d(128, 64, 1))
        self.codebook = Codebook(512, 64)
        self.decoder = nn.Sequential(nn.Conv2d(64, 128, 3, 1, 1), block(), block(), nn.ReLU(),
                                     nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 3, 4, 2, 1))

    def forward(self, x):
        q, distance = self.codebook(self.encoder(x))
        return (0.5 * F.mse_loss(self.decoder(q), x, reduction="sum") + 0.25 * distance) / x.shape[0]


# ---- decoding --------------------------------------------------------------------------------------------------------
def conv_decoder():
    return nn.Sequential(*conv_logits(), nn.Sigmoid())


def texture_decoder():
    """64x64 RGB from 16 numbers."""
    layers = [nn.Linear(16, 4096), nn.Unflatten(1, (64, 8, 8))]
    for width, out in ((64, 64), (64, 32), (32, 16)):
        layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(width, out, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(16, 3, 3, 1, 1), nn.Sigmoid())


def group_norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class KlBlock(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.body = nn.Sequential(group_norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, 1, 1),
                                  group_norm(out), nn.SiLU(), nn.Conv2d(out, out, 3, 1, 1))
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


class KlAttention(nn.Module):
    """One head over all positions, around group norm."""

    def __init__(self, channels):
        super().__init__()
        self.norm = group_norm(channels)
        self.q, self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        n, channels, height, width = x.shape
        h = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = (head(h).unsqueeze(1) for head in (self.q, self.k, self.v))
        h = self.out(F.scaled_dot_product_attention(q, k, v).squeeze(1))
        return x + h.transpose(1, 2).reshape(n, channels, height, width)


def kl_decoder():
    """The decoder of latent diffusion's AutoencoderKL (arXiv:2112.10752) with 128, 256, 512, 512 channels."""
    layers = [nn.Conv2d(4, 512, 3, 1, 1), KlBlock(512, 512), KlAttention(512), KlBlock(512, 512)]
    channels = 512
    for level, out in enumerate((512, 512, 256, 128)):
        for _ in range(3):
            layers.append(KlBlock(channels, out))
            channels = out
        if level < 3:
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(out, out, 3, 1, 1)]
    model = nn.Sequential(*layers, group_norm(128), nn.SiLU(), nn.Conv2d(128, 3, 3, 1, 1))
    assert sum(p.numel() for p in model.parameters()) == 49490179
    return model


class NearestCode(nn.Module):
    def __init__(self, K, D):
        super().__init__()
        self.register_buffer("codes", torch.randn(K, D))
        self.register_buffer("squares", self.codes.square().sum(1))

    def forward(self, x):
        return torch.addmm(self.squares, x, self.codes.t(), alpha=-2).argmin(1)


# workload: the model, and the shape of one turn's input
TRAINING = {
    "dense_vae_train": (dense_vae, (64, 784)),
    "conv_vae_train": (conv_vae, (128, 1, 28, 28)),
    "vqvae_train": (VqVae, (64, 3, 32, 32)),
    "gru_train": (gru_vae, (64, 64, 128)),
    "lstm_train": (lstm_vae, (64, 64, 128)),
}
INFERENCE = {
    "conv_vae_decode1": (conv_decoder, (1, 32)),
    "texture_decode1": (texture_decoder, (1, 16)),
    "texture_decode64": (texture_decoder, (64, 16)),
    "kl_decode_256": (kl_decoder, (1, 4, 32, 32)),
    "kl_decode_512": (kl_decoder, (1, 4, 64, 64)),
    "codebook_assign": (lambda: NearestCode(8192, 256), (100000, 256)),
    "matmul_1024": (lambda: nn.Linear(1024, 1024, bias=False), (1024, 1024)),
}

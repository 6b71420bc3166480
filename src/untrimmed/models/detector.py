"""The whole network: features to dense predictions."""

from collections.abc import Sequence

from torch import Tensor, nn

from untrimmed.models.predictions import Predictions
from untrimmed.models.sequences import Padding


class ActionDetector(nn.Module):
    """Embedding, encoder and decoder in a row.

    Args:
        embedding: features (B, T, D) and their padding to (B, C, T).
        encoder: (B, C, T) and lengths to a Pyramid.
        decoder: a Pyramid to Predictions.
    """

    def __init__(self, embedding: nn.Module, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, features: Tensor, lengths: Sequence[int] | None = None) -> Predictions:
        """Predictions of every point.

        Args:
            features: (B, T, D), whatever stands behind the end of a sequence.
            lengths: B valid lengths in 1..T; None where every sequence fills its row.
        """
        padding = Padding.of(features.transpose(1, 2), lengths)
        embedded = self.embedding(features, padding)
        predictions: Predictions = self.decoder(self.encoder(embedded, lengths))
        return predictions

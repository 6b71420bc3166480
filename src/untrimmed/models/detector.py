"""The whole network: features to dense predictions."""

from collections.abc import Sequence

from torch import Tensor, nn

from untrimmed.models.predictions import Predictions
from untrimmed.models.sequences import Padding, ReleaseLengths


class ActionDetector(nn.Module):
    """Embedding, encoder and decoder in a row.

    Args:
        embedding: features (B, T, D) and their padding to (B, C, T).
        encoder: (B, C, T) and lengths to a Pyramid.
        decoder: a Pyramid to Predictions.
        release_lengths: to what lengths sequences are padded if that padding is to take part, as in the authors'
            releases; None: it takes no part.
    """

    def __init__(
        self,
        embedding: nn.Module,
        encoder: nn.Module,
        decoder: nn.Module,
        release_lengths: ReleaseLengths | None = None,
    ) -> None:
        super().__init__()
        self.release_lengths = release_lengths
        self.embedding = embedding
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, features: Tensor, lengths: Sequence[int] | None = None) -> Predictions:
        """Predictions of every point.

        Args:
            features: (B, T, D), whatever stands behind the end of a sequence.
            lengths: B valid lengths in 1..T; None where every sequence fills its row.
        """
        if self.release_lengths is None:
            padding = Padding.of(features.mT, lengths)
        else:
            features, padding = self.release_lengths.pad(features, lengths)
        predictions: Predictions = self.decoder(self.encoder(self.embedding(features, padding), padding))
        return predictions

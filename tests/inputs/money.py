"""What is tried on money."""

from tests.inputs.account import and_
from tests.inputs.trial import Trial

TRIALS = [
    Trial("accountTermsSet", and_(net_days=7)),
    Trial("paymentRecord", and_(amount="1.00"), expected_version=None),
    Trial("creditMemoRecord", and_(amount="1.00", reason="It was down."), expected_version=None),
]

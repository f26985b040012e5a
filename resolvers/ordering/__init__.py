"""Orders, from what is asked for to what becomes of it.

What an order comes to (amounts, periods, quantities, refunds, switches) is worked out from values alone; the other
modules read and write, in the transaction of an operation.
"""

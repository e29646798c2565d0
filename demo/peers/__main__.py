"""`python -m demo.peers PAYMENT_PORT SMS_PORT PROVINCE_PORT`: runs the stand-in servers of the demo city until stopped."""

import sys
import threading

from demo.peers import department, keys, payment, sms
from yiwang.config.home import home


def main(payment_port: int, sms_port: int, province_port: int) -> None:
    folder = home() / "keys" / "peers"
    keys.make_keys(folder)
    threading.Thread(target=sms.serve(folder, sms_port).serve_forever, daemon=True).start()
    threading.Thread(target=department.serve(folder, province_port).serve_forever, daemon=True).start()
    payment.serve(folder, payment_port).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

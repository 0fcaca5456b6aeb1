"""Publishes or subscribes once with paho-mqtt; see README.md for input and output."""

import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

PATIENCE_S = 10


def main():
    task = json.load(sys.stdin)
    result = {}
    done = threading.Event()
    version = mqtt.MQTTv5 if task["version"] == 5 else mqtt.MQTTv311
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id="paho",
        protocol=version,
        transport="websockets" if task["websocket"] else "tcp",
        reconnect_on_failure=False,
    )
    context = ssl.create_default_context(cafile=task["ca"])
    if task["certificate"]:
        context.load_cert_chain(task["certificate"], task["key"])
    if task["alpn"]:
        context.set_alpn_protocols([task["alpn"]])
    client.tls_set_context(context)
    if task["websocket"]:
        client.ws_set_options(path="/mqtt")

    waiting = set()

    def on_connect(client, _userdata, _flags, reason, _properties):
        result["connected"] = reason.value
        if reason.is_failure:
            return
        if task["do"] == "subscribe":
            client.subscribe([("#", 1), (task["topic"], 0)])
            return
        with open(task["payload"], "rb") as file:
            payload = file.read()
        for _ in range(task.get("repeat", 1)):
            waiting.add(client.publish(task["topic"], payload, qos=task["qos"]).mid)

    def on_publish(client, _userdata, mid, _reason, _properties):
        waiting.discard(mid)
        if not waiting:
            result["acknowledged"] = True
            client.disconnect()

    def on_subscribe(client, _userdata, _mid, reasons, _properties):
        result["granted"] = [reason.value for reason in reasons]
        client.disconnect()

    def on_disconnect(_client, _userdata, flags, reason, _properties):
        if flags.is_disconnect_packet_from_server:
            result["disconnected"] = reason.value
        done.set()

    client.on_connect = on_connect
    client.on_publish = on_publish
    client.on_subscribe = on_subscribe
    client.on_disconnect = on_disconnect
    try:
        client.connect(task["host"], task["port"], keepalive=30)
        client.loop_start()
        if not done.wait(PATIENCE_S):
            result["error"] = "nothing happened for 10 s"
        client.loop_stop()
    except (OSError, mqtt.WebsocketConnectionError) as error:
        result["error"] = str(error)
    print(json.dumps(result))


main()

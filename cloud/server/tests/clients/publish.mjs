// Publishes or subscribes once with MQTT.js; see README.md for input and output.
import { readFileSync } from "node:fs";
import mqtt from "mqtt";

const PATIENCE_MS = 10_000;

const task = JSON.parse(readFileSync(0, "utf8"));
const result = {};

const tls = {
  ca: readFileSync(task.ca),
  cert: task.certificate ? readFileSync(task.certificate) : undefined,
  key: task.certificate ? readFileSync(task.key) : undefined,
  ALPNProtocols: task.alpn ? [task.alpn] : undefined,
};
const url = task.websocket ? `wss://${task.host}:${task.port}/mqtt` : `mqtts://${task.host}:${task.port}`;
const client = mqtt.connect(url, {
  ...tls,
  wsOptions: task.websocket ? tls : undefined,
  clientId: "mqttjs",
  protocolId: "MQTT",
  protocolVersion: task.version,
  reconnectPeriod: 0,
  connectTimeout: PATIENCE_MS,
});

const finish = () => {
  console.log(JSON.stringify(result));
  process.exit(0);
};
setTimeout(() => {
  result.error ??= "nothing happened for 10 s";
  finish();
}, PATIENCE_MS);

client.on("packetreceive", (packet) => {
  if (packet.cmd === "connack") result.connected = packet.reasonCode ?? packet.returnCode;
  if (packet.cmd === "disconnect") result.disconnected = packet.reasonCode;
  if (packet.cmd === "suback") result.granted = [...packet.granted];
});
client.on("connect", () => {
  if (task.do === "subscribe") {
    client.subscribe(["#", task.topic], { qos: 1 }, () => client.end());
    return;
  }
  const payload = readFileSync(task.payload);
  let left = task.repeat ?? 1;
  for (let n = left; n > 0; n -= 1) {
    client.publish(task.topic, payload, { qos: task.qos }, (error) => {
      if (error) return;
      left -= 1;
      if (left === 0) {
        result.acknowledged = true;
        client.end();
      }
    });
  }
});
client.on("error", (error) => {
  result.error = error.message;
});
client.on("close", finish);

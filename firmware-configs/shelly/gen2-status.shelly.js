// For profile shelly-gen2-switch: publishes what status/switch:0 holds, once a second, at least once.
// The script of a Shelly is a part of JavaScript without modules.
let topic = '{{topic}}/status/switch:0';

Timer.set(1000, true, function () {
  let status = Shelly.getComponentStatus('switch', 0);
  if (status !== null && MQTT.isConnected()) MQTT.publish(topic, JSON.stringify(status), 1, false);
});

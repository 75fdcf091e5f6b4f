// broker.mjs SETTINGS: one aedes node with accounts and access rules, as docs/brokers.md describes it.
// SETTINGS is JSON: port; redis (its port; none: memory only); password (the console's), devicePassword;
// deny (topics that the console may not publish to, against the rules); hangUp (also on subscriptions).
// Prints "ready" when it listens.
import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import redisPersistence from 'aedes-persistence-redis'
import redisEmitter from 'mqemitter-redis'

const settings = JSON.parse(process.argv[2])
const at = { host: '127.0.0.1', port: settings.redis }
const options = settings.redis
  ? { persistence: redisPersistence({ ...at, maxSessionDelivery: 100000 }), mq: redisEmitter(at) }
  : {}

const consolePublishes = [
  /^infoscreen\/[^/]+\/(commands|command|group_id|service_failed)$/,
  /^infoscreen\/events\/[^/]+$/,
  /^infoscreen\/groups\/[^/]+\/power\/intent$/,
  /^infoscreen\/console\/(ack|presence)\/[^/]+$/
]
const consoleReads = [
  /^infoscreen\/[^/]+\/(heartbeat|health|service_failed|group_id|commands|command|(commands|command)\/ack)$/,
  /^infoscreen\/[^/]+\/logs\/(#|[^/]+)$/,
  ...consolePublishes
]
const devicePublishes = ['heartbeat', 'health', 'service_failed', 'commands/ack', 'command/ack']
const deviceReads = ['commands', 'command', 'group_id']

const isConsole = (client) => client.account === 'infoscreen-server'
// infoscreen-client-<the first 8 of the uuid>: whose uuid begins so is its own.
const below = (client, topic) => {
  const [root, uuid, ...rest] = topic.split('/')
  return root === 'infoscreen' && uuid.slice(0, 8) === client.account.slice(-8) && uuid.length === 36 ? rest.join('/') : null
}

function mayPublish (client, topic) {
  if (isConsole(client)) {
    return consolePublishes.some((rule) => rule.test(topic)) && !(settings.deny ?? []).some((tail) => topic.endsWith(tail))
  }
  const own = below(client, topic)
  return own !== null && (devicePublishes.includes(own) || own.startsWith('logs/'))
}

function mayRead (client, topic) {
  if (isConsole(client)) return consoleReads.some((rule) => rule.test(topic))
  return deviceReads.includes(below(client, topic)) || /^infoscreen\/(events\/[^/]+|groups\/[^/]+\/power\/intent)$/.test(topic)
}

const broker = await Aedes.createBroker({
  ...options,
  concurrency: 1000,
  authenticate (client, username, password, done) {
    client.account = username
    const right = username === 'infoscreen-server'
      ? settings.password
      : /^infoscreen-client-[0-9a-f]{8}$/.test(username ?? '') ? settings.devicePassword : undefined
    if (right !== undefined && String(password) === right) return done(null, true)
    done(Object.assign(new Error('not authorized'), { returnCode: 5 }), false)
  },
  // MQTT 3.1.1 has no way to refuse a message: aedes closes the connection.
  authorizePublish (client, packet, done) {
    if (!client || mayPublish(client, packet.topic)) return done(null)
    console.error(`refused: ${client.account} to ${packet.topic}`)
    done(new Error('not authorized'))
  },
  authorizeSubscribe (client, subscription, done) {
    if (mayRead(client, subscription.topic)) return done(null, subscription)
    console.error(`refused: ${client.account} reading ${subscription.topic}`)
    if (settings.hangUp) return done(new Error('not authorized'))
    done(null, null)
  }
})
broker.on('clientError', () => {})
broker.on('connectionError', () => {})
createServer(broker.handle).listen(settings.port, '127.0.0.1', () => console.log('ready'))

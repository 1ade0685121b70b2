import { test } from 'tap'
import { build } from '../helper.js'

test('a host\'s serializers, of Zod or with an envelope, are for its own routes', async t => {
  const { url } = await build(t, {
    host: app => {
      app.setSerializerCompiler(() => { throw new Error('this schema is none of mine') })
      app.setReplySerializer(payload => `host ${JSON.stringify(payload)}`)
      app.get('/own', async () => ({ own: true }))
    }
  })
  t.equal(await (await fetch(`${url}/own`)).text(), 'host {"own":true}')
  t.match(await (await fetch(`${url}/health`)).json(), { status: 'healthy' })
  t.match(await (await fetch(`${url}/metrics`)).json(), { config: {} })
})

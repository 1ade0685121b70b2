import type { Client, ClientOptions } from '@modelcontextprotocol/sdk/client/index.js'
import Fastify from 'fastify'
import { pino } from 'pino'
import { describe, expect, test } from 'tstyche'
import { createTestClient, type TestableApp, type TestClientOptions } from '../../src/testing.js'

describe('createTestClient', () => {
  test('takes any application, whatever its server and its logger', () => {
    expect(createTestClient).type.toBeCallableWith(Fastify())
    expect(createTestClient).type.toBeCallableWith(Fastify({ loggerInstance: pino() }))
    expect(createTestClient).type.toBeCallableWith(Fastify({ http2: true }))
    expect<TestableApp>().type.toBeAssignableFrom(Fastify())
    expect(createTestClient).type.not.toBeCallableWith()
    expect(createTestClient).type.not.toBeCallableWith('http://localhost')
  })

  test('takes the options of the SDK\'s client, and its own', () => {
    expect<TestClientOptions>().type.toBeAssignableTo<ClientOptions>()
    expect(createTestClient).type.toBeCallableWith(Fastify(), {
      prefix: '/ai',
      headers: { 'x-api-key': 'key' },
      clientInfo: { name: 'test', version: '1' },
      capabilities: { sampling: {} },
      configure: (client: Client) => { client.onerror = () => {} }
    })
    expect(createTestClient).type.not.toBeCallableWith(Fastify(), { headers: { 'x-number': 1 } })
    expect(createTestClient).type.not.toBeCallableWith(Fastify(), { clientInfo: { name: 'without a version' } })
    expect(createTestClient).type.not.toBeCallableWith(Fastify(), { url: 'http://localhost' })
  })

  test('promises the SDK\'s client', () => {
    expect(createTestClient(Fastify())).type.toBe<Promise<Client>>()
  })
})

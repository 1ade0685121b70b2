import type { FastifyRequest } from 'fastify'
import { test } from 'tap'
import { openingOf, principalOf, streamableOf } from '../../src/routes/request-context.js'
import { ANONYMOUS } from '../../src/sessions/principal.js'

const from = (ip: string, principal: object | null = ANONYMOUS) => ({ ip, mcpPrincipal: principal }) as FastifyRequest

test('a route that forgot to authenticate serves nobody', async t => {
  t.throws(() => principalOf(from('127.0.0.1', null)), { code: 'WEIR_ERR_INTERNAL' })
})

test('a route that forgot to find the session serves none', async t => {
  t.throws(() => streamableOf({ mcpSession: null } as FastifyRequest), { code: 'WEIR_ERR_INTERNAL' })
})

test('a session counts for its principal, or without keys for its address, IPv6 by /64', async t => {
  const key = (request: FastifyRequest) => openingOf(request).clientKey
  t.equal(key(from('10.0.0.1', { id: 'ada' })), key(from('10.0.0.2', { id: 'ada' })))
  t.not(key(from('10.0.0.1', { id: 'ada' })), key(from('10.0.0.1', { id: 'ben' })))
  t.not(key(from('10.0.0.1')), key(from('10.0.0.2')))
  t.equal(key(from('2001:db8::1')), key(from('2001:db8::ffff:1')))
  t.not(key(from('2001:db8::1')), key(from('2001:db8:0:1::1')))
  t.equal(key(from('::ffff:10.0.0.1')), key(from('10.0.0.1')))
})

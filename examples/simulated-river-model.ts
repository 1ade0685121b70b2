// A deterministic model of the river in the shapes of https://aareguru.existenz.ch; every payload says that it is simulated.

interface ModelCity {
  city: string
  name: string
  longname: string
  lat: number
  lon: number
  /** °C that this place is warmer than Bern. */
  warmth: number
  /** Flow in m³/s in a dry winter, and what summer adds. */
  low: number
  melt: number
  threshold: number | null
}

const BERN: ModelCity = { city: 'bern', name: 'Bärn', longname: 'Bern, Schönau', lat: 46.93, lon: 7.45, warmth: 0, low: 55, melt: 160, threshold: 220 }
const CITIES: readonly ModelCity[] = [
  { city: 'brienz', name: 'Brienz', longname: 'Brienzwiler', lat: 46.75, lon: 8.09, warmth: -6.5, low: 12, melt: 70, threshold: null },
  { city: 'interlaken', name: 'Interlake', longname: 'Ringgenberg, Goldswil', lat: 46.7, lon: 7.89, warmth: -1.2, low: 28, melt: 110, threshold: 200 },
  { city: 'thun', name: 'Thun', longname: 'Thun', lat: 46.76, lon: 7.63, warmth: -0.4, low: 45, melt: 150, threshold: 200 },
  BERN,
  { city: 'hagneck', name: 'Hagneck', longname: 'Hagneck, Kanal', lat: 47.06, lon: 7.19, warmth: 1.1, low: 75, melt: 170, threshold: 280 },
  { city: 'biel', name: 'Biu', longname: 'Nidau, Port', lat: 47.12, lon: 7.23, warmth: 1.6, low: 95, melt: 190, threshold: 280 },
  { city: 'olten', name: 'Oute', longname: 'Aarburg', lat: 47.32, lon: 7.9, warmth: 1.4, low: 120, melt: 190, threshold: 300 },
  { city: 'brugg', name: 'Brugg', longname: 'Brugg', lat: 47.48, lon: 8.21, warmth: 1.5, low: 130, melt: 200, threshold: 300 }
]

const MARK = '(simulated)'
const NOTICE = 'SIMULATED: a model for demonstrations and tests, not the river'
const STEP = 600
const DAY = 86_400

/** A number from 0 to 1 that depends on its arguments and on nothing else. */
function noise (seed: number, day: number): number {
  const x = Math.sin(seed * 127.1 + day * 311.7) * 43_758.5453
  return x - Math.floor(x)
}

function round (value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}

/** The model: water (°C), flow (m³/s) and air (°C) of a city at a moment in unix seconds. */
function river (place: ModelCity, at: number, seed: number) {
  const day = Math.floor(at / DAY)
  const dayOfYear = (at / DAY) % 365.25
  const summer = 0.5 - 0.5 * Math.cos((dayOfYear - 25) / 365.25 * 2 * Math.PI)
  const afternoon = Math.sin(((at % DAY) / DAY - 0.375) * 2 * Math.PI)
  const today = noise(seed, day) + (noise(seed, day + 1) - noise(seed, day)) * (at % DAY) / DAY
  const water = Math.max(0, 4.5 + 15.5 * summer + place.warmth * (0.3 + 0.7 * summer) + 0.7 * afternoon * summer + 2 * (today - 0.5))
  const flow = Math.max(5, place.low + place.melt * summer * (0.75 + 0.7 * (1 - today)))
  const air = 1 + 20 * summer + 5 * afternoon + 8 * (today - 0.5)
  return { water, flow, air, wet: today < 0.25 }
}

const TEMPERATURE_TEXTS = [[21, 'schön warm'], [18.5, 'perfekt'], [16, 'geil aber chli chalt'], [10, 'chli chalt'], [5, 'brrr'], [0, 'arschkalt']] as const
const FLOW_TEXTS = [[300, 'viu z viu'], [200, 'mega viu'], [120, 'ender viu'], [60, 'eher wenig'], [0, 'nid viu']] as const

/** The text of the first row whose value is reached. */
function textOf (table: readonly (readonly [from: number, text: string])[], value: number): string {
  return `${table.find(([from]) => value >= from)?.[1]} ${MARK}`
}

function officialLevel (flow: number): number {
  return [330, 400, 460, 510].filter(from => flow >= from).length + 1
}

function timestring (at: number): string {
  return new Intl.DateTimeFormat('de-CH', { timeZone: 'Europe/Zurich', hour: '2-digit', minute: '2-digit' }).format(at * 1000)
}

function weatherAt (place: ModelCity, at: number, seed: number) {
  const { air, wet } = river(place, at, seed)
  return { sy: wet ? 'j' : 'a', syt: `${wet ? 'rägnerisch' : 'sunnig'} ${MARK}`, symt: wet ? 10 : 1, tt: round(air, 0), rr: wet ? 3 : 0, rrisk: wet ? 70 : 0 }
}

function forecastDay (place: ModelCity, at: number, seed: number) {
  const noon = at - at % DAY + DAY / 2
  const day = (weekday: 'long' | 'short') => new Intl.DateTimeFormat('de-CH', { timeZone: 'Europe/Zurich', weekday }).format(noon * 1000)
  const { tt, ...symbols } = weatherAt(place, noon, seed)
  return { day: day('long'), dayshort: day('short'), timestamp: noon, ...symbols, tx: tt + 3, tn: tt - 8 }
}

function answerCities (at: number, seed: number) {
  return CITIES.map(place => {
    const { water, air, wet } = river(place, at, seed)
    const link = (path: string) => `https://aareguru.invalid/v2018/${path}?city=${place.city}`
    return {
      city: place.city,
      name: place.name,
      longname: place.longname,
      coordinates: { lat: place.lat, lon: place.lon },
      aare: round(water, 1),
      aare_prec: round(water, 2),
      sy: wet ? 10 : 1,
      tn: round(air - 8, 0),
      tx: round(air + 3, 0),
      forecast: true,
      time: at,
      url: link('current'),
      today: link('today'),
      widget: link('widget'),
      simulated: true
    }
  })
}

function answerToday (place: ModelCity, at: number, seed: number) {
  const { water } = river(place, at, seed)
  const text = textOf(TEMPERATURE_TEXTS, water)
  return { aare: round(water, 1), aare_prec: round(water, 2), text, text_short: text, time: at, name: place.name, longname: place.longname, simulated: true }
}

function answerCurrent (place: ModelCity, at: number, seed: number) {
  const { water, flow, air, wet } = river(place, at, seed)
  const later = river(place, at + 2 * 3600, seed)
  const change = later.water - water
  const days = [1, 2, 3, 4].map(days => forecastDay(place, at + days * DAY, seed))
  const past = [3, 2, 1, 0].map(hours => ({ at: at - hours * 3600, ...river(place, at - hours * 3600, seed) }))
  return {
    simulated: true,
    aare: {
      location: place.name,
      location_long: place.longname,
      coordinates: { lat: place.lat, lon: place.lon },
      forecast: true,
      timestamp: at,
      timestring: timestring(at),
      temperature: round(water, 1),
      temperature_prec: round(water, 2),
      temperature_text: textOf(TEMPERATURE_TEXTS, water),
      temperature_text_short: textOf(TEMPERATURE_TEXTS, water),
      flow: round(flow, 0),
      flow_text: textOf(FLOW_TEXTS, flow),
      flow_gefahrenstufe: officialLevel(flow),
      flow_scale_threshold: place.threshold,
      forecast2h: round(later.water, 1),
      forecast2h_text: `${Math.abs(change) < 0.3 ? 'blibt öppe glich' : change > 0 ? 'wird wermer' : 'wird cheuter'} ${MARK}`,
      height: round(502 + flow / 300, 2),
      temperature_scale: [5, 10, 16, 18.5, 21].map(value => ({ value, text: textOf(TEMPERATURE_TEXTS, value), position: 'start' })),
      flow_scale: [60, 120, 200, 300].map(value => ({ value, text: textOf(FLOW_TEXTS, value), position: 'start' })),
      historical_temp_max: { value: 24.12, timestamp: 1_659_625_200 }
    },
    aarepast: past.map(({ at, flow, water }) => ({ timestamp: at, flow: round(flow, 0), temperature: round(water, 2) })),
    weather: {
      current: { tt: round(air, 1), rr: wet ? 1 : 0, rrreal: wet ? 1.2 : 0, timestamp: at, timestring: timestring(at) },
      today: { v: weatherAt(place, at, seed), n: weatherAt(place, at + 4 * 3600, seed), a: weatherAt(place, at + 8 * 3600, seed) },
      forecast: days
    },
    weatherpast: past.map(({ at, air }) => ({ timestamp: at, tt: round(air, 1) })),
    sun: { today: { suntotal: wet ? '1:10' : '8:20', sunrelative: wet ? 10 : 70 }, forecast: {}, sunlocations: [] },
    bueber: null,
    notification: { time: at, author: 'simulation', event: 'created', text: NOTICE }
  }
}

function answerWidget (at: number, seed: number) {
  return {
    simulated: true,
    notification: NOTICE,
    values: Object.fromEntries(CITIES.map(place => {
      const { aare, weather, sun } = answerCurrent(place, at, seed)
      return [place.city, {
        timestamp: aare.timestamp,
        timestring: aare.timestring,
        temperature: aare.temperature,
        temperature_text: aare.temperature_text,
        temperature_text_short: aare.temperature_text_short,
        flow: aare.flow,
        flow_text: aare.flow_text,
        flow_gefahrenstufe: aare.flow_gefahrenstufe,
        forecast2h: aare.forecast2h,
        tt: weather.current.tt,
        suntotal: sun.today.suntotal
      }]
    })),
    cities: CITIES.map(({ city, name }) => ({ key: city, name }))
  }
}

function answerHistory (place: ModelCity, start: number, end: number, seed: number) {
  const temperature: [number, number][] = []
  const flow: [number, number][] = []
  for (let at = Math.ceil(start / STEP) * STEP; at <= end; at += STEP) {
    const values = river(place, at, seed)
    temperature.push([at, round(values.water, 2)])
    flow.push([at, round(values.flow, 0)])
  }
  return { status: 'ok', simulated: true, notification: NOTICE, city: place.city, start, end, data: { temperature, flow } }
}

/**
 * What the model answers to a request, or undefined for an unknown path. The same city, moment and seed give the same values.
 * @param now Milliseconds.
 */
export function answer (url: URL, now: number, seed: number): unknown {
  const at = Math.floor(now / 1000 / STEP) * STEP - STEP
  // Upstream's fault, kept: a city that it does not know gets Bern's data.
  const place = CITIES.find(({ city }) => city === url.searchParams.get('city')) ?? BERN
  switch (url.pathname) {
    case '/v2018/cities': return answerCities(at, seed)
    case '/v2018/today': return answerToday(place, at, seed)
    case '/v2018/current': return answerCurrent(place, at, seed)
    case '/v2018/widget': return answerWidget(at, seed)
    case '/v2018/history': {
      const start = Number(url.searchParams.get('start'))
      const end = Number(url.searchParams.get('end'))
      return Number.isSafeInteger(start) && Number.isSafeInteger(end) && end - start <= 400 * DAY ? answerHistory(place, start, end, seed) : { status: 'error', simulated: true }
    }
    default: return undefined
  }
}

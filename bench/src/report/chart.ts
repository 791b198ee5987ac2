import * as echarts from 'echarts'
import { sideNames } from '../sides/side.ts'
import { short } from './format.ts'
import { goalText, type Line } from './line.ts'

const colors = ['#1b6ca8', '#b8bec6', '#8d97a3', '#c9b18b', '#d9a05b']
const lineHeight = 92

/** A page of its own, with nothing to fetch: a chart of every side relative to the best peer, and the notes. */
export function chartPage(lines: readonly Line[], o: { heading: string; notes: readonly string[] }): string {
  const items = o.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('\n')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Varve and its peers</title>
<style>body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1000px; color: #222 } li { margin: .3rem 0 }</style>
<h1>Varve and its peers</h1>
<p>${escapeHtml(o.heading)}</p>
${chartSvg(lines)}
<ul>
${items}
</ul>
</html>
`
}

/** Bars from 1, where the best peer is, to what each side reaches of it; sizes are turned over, for there less is better. */
export function chartSvg(lines: readonly Line[]): string {
  const shown = lines.filter((line) => line.ratio !== undefined)
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 110 + shown.length * lineHeight })
  chart.setOption({
    animation: false,
    color: colors,
    title: {
      text: 'Each side ÷ the best peer, logarithmic. At 1: the best peer; to the right of it: better, to the left: worse',
      left: 'center',
      textStyle: { fontSize: 14 },
    },
    legend: { top: 32, itemGap: 28 },
    grid: { left: 230, right: 100, top: 70, bottom: 30 },
    xAxis: { type: 'log', min: 0.001, axisLabel: { formatter: (value: number) => `${value}` } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: shown.map((line) => (line.goal ? `${line.name}\n(goal ${goalText(line.goal)})` : line.name)),
    },
    series: sideNames.map((side) => ({
      name: side,
      type: 'bar',
      barGap: '5%',
      label: { show: true, position: 'right', fontSize: 10, formatter: ({ name }: { name: string }) => name },
      data: shown.map((line) => {
        const [value, best] = [line.results[side], line.best && line.results[line.best]]
        if (value === undefined || best === undefined) return { value: null }
        const relative = line.unit === 'bytes' ? best / value : value / best
        return { value: Math.max(relative, 0.001), name: `${short(value)} ${line.unit}` }
      }),
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

'use strict';
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const root = document.documentElement;
  const SVG = 'http://www.w3.org/2000/svg';

  // The page of a run replaces the overview when the address has its anchor.
  const title = document.title;
  function route(moved) {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const run = target && target.closest('.run');
    all('.run.open').forEach(other => other.classList.toggle('open', other === run));
    if (run) run.classList.add('open');
    root.classList.toggle('reading', Boolean(run));
    const heading = run && one('h2', run);
    document.title = heading ? `${heading.textContent.trim()}: ${title}` : title;
    if (!moved && !run) return;
    if (run && target === run) {
      window.scrollTo({top: 0, behavior: 'instant'});
      heading.focus({preventScroll: true});
    } else if (target) {
      target.scrollIntoView({behavior: 'instant'});
    }
  }
  window.addEventListener('hashchange', () => route(true));
  route(false);

  // Formats a number like the texts of the page, with at most the five significant digits that the page stores.
  function written(value) {
    const size = Math.abs(value);
    if (size >= 10 && size < 1e5) return value.toPrecision(5);
    return size === 0 || (size >= 1e-3 && size < 1e5) ? value.toFixed(4) : value.toPrecision(3);
  }

  // Plots: values are read with the pointer or the slider, and visible curves are drawn again when others are hidden.
  class Plot {
    constructor(box) {
      this.box = box;
      this.svg = one('svg', box);
      this.data = JSON.parse(one('script', box).textContent);
      const drawn = all('polyline', box);
      this.lines = this.data.lines.map((line, at) => ({
        name: line.name, y: line.y, x: line.x || line.y.map((_, i) => i + 1), drawn: drawn[at],
      }));
      this.y = this.data.y;
      box.addEventListener('pointermove', event => this.point(event));
      box.addEventListener('pointerleave', () => this.leave());
    }

    seen() { return this.lines.filter(line => getComputedStyle(line.drawn).display !== 'none'); }
    across(value) { const [low, high] = this.data.x; return high > low ? (value - low) / (high - low) : .5; }
    up(value) {
      const f = this.data.log ? Math.log10 : Number;
      return (f(value) - f(this.y[0])) / (f(this.y[1]) - f(this.y[0]));
    }

    nearest(line, epoch) {
      let best = 0;
      line.x.forEach((x, at) => { if (Math.abs(x - epoch) < Math.abs(line.x[best] - epoch)) best = at; });
      return best;
    }

    point(event) {
      const frame = this.svg.getBoundingClientRect();
      const [low, high] = this.data.x;
      const epoch = Math.round(low + Math.min(1, Math.max(0, (event.clientX - frame.left) / frame.width)) * (high - low));
      const away = (event.clientY - frame.top) / frame.height;
      let found = null;
      for (const line of this.seen()) {
        const at = this.nearest(line, epoch);
        if (line.x.at(-1) < epoch && line.x.at(-1) < line.x[at]) continue;
        const distance = Math.abs(1 - this.up(line.y[at]) - away) * frame.height;
        if (!found || distance < found.distance) found = {line, at, distance};
      }
      this.show(found, frame);
      this.hot = found;
    }

    show(found, frame) {
      this.lines.forEach(line => line.drawn.classList.toggle('hot', Boolean(found) && line === found.line));
      if (!found) return this.leave();
      const epoch = found.line.x[found.at], value = found.line.y[found.at];
      const left = this.across(epoch), top = 1 - this.up(value);
      this.tip ||= this.box.appendChild(Object.assign(document.createElement('div'), {className: 'tip', ariaHidden: 'true'}));
      const name = document.createElement('b');
      name.textContent = found.line.name;
      this.tip.replaceChildren(name, `epoch ${epoch}: ${written(value)}`);
      this.tip.hidden = false;
      const width = this.tip.offsetWidth;
      const x = left * frame.width;
      this.tip.style.left = `${Math.max(0, x + width + 14 > frame.width ? x - width - 12 : x + 12)}px`;
      this.tip.style.top = `${Math.max(-10, top * frame.height - this.tip.offsetHeight - 8)}px`;
      this.rule(epoch);
      if (this.onread) this.onread(epoch);
    }

    rule(epoch) {
      if (!this.cursor) {
        this.cursor = document.createElementNS(SVG, 'line');
        this.cursor.setAttribute('class', 'cursor');
        this.svg.append(this.cursor);
      }
      const at = `${100 * this.across(epoch)}%`;
      for (const [name, value] of [['x1', at], ['x2', at], ['y1', '0'], ['y2', '100%']]) this.cursor.setAttribute(name, value);
      this.cursor.style.display = '';
    }

    leave() {
      if (this.tip) this.tip.hidden = true;
      if (this.cursor) this.cursor.style.display = 'none';
      this.lines.forEach(line => line.drawn.classList.remove('hot'));
      this.hot = null;
    }

    // The range of the visible curves.
    fit() {
      const values = this.seen().flatMap(line => line.y);
      if (!values.length) return;
      let low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
      if (this.data.log) { low /= 1.1; high *= 1.1; }
      else { const room = .04 * (high - low) || Math.abs(high) * .04 || 1; low -= room; high += room; }
      this.y = [low, high];
      for (const line of this.lines) {
        const places = line.y.map((value, at) => `${Math.round(1000 * this.across(line.x[at]))},${(1000 - 1000 * this.up(value)).toFixed(1)}`);
        line.drawn.setAttribute('points', (places.length > 1 ? places : [...places, ...places]).join(' '));
      }
      all('.y', this.svg).forEach(mark => mark.remove());
      for (const [value, text] of this.ticks(low, high)) {
        const at = `${100 - 100 * this.up(value)}%`;
        const line = document.createElementNS(SVG, 'line'), label = document.createElementNS(SVG, 'text');
        for (const [name, to] of [['class', 'rule y'], ['x1', 0], ['x2', '100%'], ['y1', at], ['y2', at]]) line.setAttribute(name, to);
        for (const [name, to] of [['class', 'y'], ['x', 0], ['dx', -8], ['y', at], ['dy', '.32em']]) label.setAttribute(name, to);
        label.textContent = text;
        this.svg.prepend(line);
        this.svg.append(label);
      }
    }

    ticks(low, high) {
      if (this.data.log) {
        const found = [];
        for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
          for (const factor of Math.log10(high / low) < 2 ? [1, 2, 5] : [1])
            if (factor * 10 ** power >= low && factor * 10 ** power <= high) found.push(factor * 10 ** power);
        return found.map(value => [value, String(Number(value.toPrecision(2)))]);
      }
      const least = (high - low) / 6, power = 10 ** Math.floor(Math.log10(least));
      const step = power * [1, 2, 5, 10].find(factor => factor * power >= least * .999999);
      const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), found = [];
      for (let at = Math.ceil(low / step); at * step <= high; at++) found.push([at * step, (at * step).toFixed(Math.min(places, 12))]);
      return found;
    }
  }

  const plots = all('[data-plot]').map(box => new Plot(box));
  // The ids of a section begin with its prefix, which is empty in a report on one dataset.
  all('.curves').forEach(curves => {
    const prefix = curves.dataset.prefix;
    const keyOf = box => box.id.slice(prefix.length);
    const own = plots.filter(plot => curves.contains(plot.box));
    const shown = () => own.find(plot => plot.box.offsetParent !== null) || own[0];
    const boxes = all('.legend input', curves), outputs = all('.legend output', curves);
    const reader = one('.reader input', curves), readout = one('.reader output', curves);
    const last = Math.max(...own.map(plot => plot.data.x[1]));
    const byKey = new Map();
    own.forEach(plot => byKey.set(plot, new Map(outputs.map(output => {
      const keys = output.dataset.of.split(' ');
      return [output, plot.lines.find(line => keys.at(-1)[0] === 'r'
        ? line.drawn.classList.contains(keys.at(-1))
        : line.drawn.classList.contains(keys[0]) && !/(^| )r\d/.test(line.drawn.getAttribute('class')))];
    }))));

    const read = epoch => {
      const plot = shown();
      for (const [output, line] of byKey.get(plot)) {
        const there = line && (epoch === last || epoch <= line.x.at(-1));
        output.textContent = there ? written(line.y[plot.nearest(line, epoch)]) : '–';
      }
      readout.textContent = epoch === last ? 'last' : epoch;
      reader.value = epoch;
      reader.setAttribute('aria-valuetext', epoch === last ? 'the last' : `epoch ${epoch}`);
    };
    own.forEach(plot => { plot.onread = read; });
    reader.max = last;
    reader.addEventListener('input', () => { const plot = shown(); plot.leave(); plot.rule(Number(reader.value)); read(Number(reader.value)); });
    read(last);

    const fit = () => shown().fit();
    curves.addEventListener('change', event => {
      if (event.target.type === 'radio') { fit(); read(Number(reader.value)); }
      else if (event.target.type === 'checkbox') fit();
    });
    all('[data-all]', curves).forEach(button => button.addEventListener('click', () => {
      boxes.forEach(box => { box.checked = button.dataset.all === '1' || keyOf(box)[0] === 'r'; });
      fit();
    }));
    own.forEach(plot => plot.box.addEventListener('click', () => {
      if (!plot.hot || plot.hot.distance > 24) return;
      const keys = plot.hot.line.drawn.getAttribute('class').split(' ');
      const find = pattern => keys.filter(key => pattern.test(key)).map(key => document.getElementById(prefix + key)).find(Boolean);
      const box = find(/^r\d/) || find(/^g\d/);
      if (box) { box.checked = false; plot.leave(); fit(); }
    }));
  });

  // Tables of runs, which are sorted by a column and filtered by words.
  const rank = (row, column) => { const cell = row.cells[column]; return cell.dataset.rank || cell.textContent.trim(); };
  const compare = (a, b) => {
    const [x, y] = [a, b].map(text => Number(text.replaceAll(',', '')));
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, undefined, {numeric: true});
  };
  all('.run-table').forEach(section => {
    const table = one('table', section), body = one('tbody', table), heads = all('thead th', table);
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const before = head.getAttribute('aria-sort');
        const direction = before ? (before === 'ascending' ? 'descending' : 'ascending') : head.classList.contains('n') ? 'descending' : 'ascending';
        heads.forEach(other => other.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', direction);
        const turn = direction === 'ascending' ? 1 : -1;
        const isEmpty = row => rank(row, column) === '–';
        const rows = all('tr', body).sort((a, b) => isEmpty(a) - isEmpty(b) || turn * compare(rank(a, column), rank(b, column)));
        body.append(...rows);
      });
    });
    const filter = one('input[type=search]', section), found = one('.filter output', section);
    filter.addEventListener('input', () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = all('tr', body);
      let count = 0;
      for (const row of rows) {
        const text = [...row.cells].map(cell => cell.textContent.trim().toLowerCase()).join('\n');
        row.hidden = !words.every(word => text.includes(word));
        count += !row.hidden;
      }
      found.textContent = words.length ? `${count} of ${rows.length} runs` : '';
    });
  });

  // Commands to copy.
  all('.copy').forEach(button => button.addEventListener('click', async () => {
    const code = one('code', button.parentElement);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'selected';
    }
    setTimeout(() => { button.textContent = 'copy'; }, 1500);
  }));

  // Details are opened for printing, as paper cannot open them.
  let opened = [];
  window.addEventListener('beforeprint', () => { opened = all('details:not([open])'); opened.forEach(part => { part.open = true; }); });
  window.addEventListener('afterprint', () => opened.forEach(part => { part.open = false; }));
})();

// Refreshes what is in sight at once, the rest when it comes near, or when nothing has changed for a moment. data-behind says that something is not refreshed yet.
export function inSight(root) {
  const far = new Set(), behind = new Set(), near = element => !far.has(element);
  let bindings = new Map(), settle = null, timer = 0;

  const sight = new IntersectionObserver(seen => {
    for (const { target, isIntersecting } of seen) isIntersecting ? far.delete(target) : far.add(target);
    if (catchUp(near)) settle();
  }, { rootMargin: '200px' });

  function catchUp(wanted) {
    const before = behind.size;
    for (const element of behind) {
      if (!wanted(element)) continue;
      behind.delete(element);
      bindings.get(element)();
    }
    root.toggleAttribute('data-behind', behind.size > 0);
    return behind.size < before;
  }

  // In slices, so that what is done meanwhile does not wait for what nobody sees.
  function later() {
    const until = performance.now() + 30;
    catchUp(() => performance.now() < until);
    if (behind.size) timer = setTimeout(later);
    else settle();
  }

  // Keys may go to any cell, a drag begins at the number that stands there, and what is printed is the whole.
  const now = () => { if (catchUp(() => true)) settle(); };
  for (const type of ['pointerdown', 'focusin']) root.addEventListener(type, now, true);
  addEventListener('beforeprint', now);

  return (...anew) => {
    [bindings, settle] = anew;
    clearTimeout(timer);
    sight.disconnect();
    far.clear();
    behind.clear();
    catchUp(near);
    for (const element of bindings.keys()) sight.observe(element);
    return () => {
      for (const element of bindings.keys()) behind.add(element);
      catchUp(near);
      clearTimeout(timer);
      timer = setTimeout(later, 80);
    };
  };
}

using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Backprop.Browser;

/// <summary>axe-core, which looks for what keeps people out.</summary>
internal static class Axe
{
    // Of its findings only the violations: all of them are megabytes.
    private const string Run = "async part => (await axe.run(part ?? document, { resultTypes: ['violations'] })).violations.map(one => `${one.id}: ${one.help} ${one.nodes.slice(0, 3).map(node => node.html).join(' | ')}`)";
    private static readonly string Script = new BundledAxeScriptProvider().GetScript();

    /// <summary>What it finds wrong with a page as it is now, or with a part of it.</summary>
    public static async Task<string[]> FindAsync(IPage page, string? part = null)
    {
        if (!await page.EvaluateAsync<bool>("() => 'axe' in window")) await page.EvaluateAsync(Script);
        return await page.EvaluateAsync<string[]>(Run, part);
    }
}

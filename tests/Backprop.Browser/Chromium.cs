using Backprop.Browser;
using Microsoft.Playwright;
using Xunit;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace Backprop.Browser;

/// <summary>The system's Chromium, started once for all tests. Where there is none they are skipped, and say so.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome.exe", "msedge.exe"];
    private static readonly string[] Arguments =
        ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>The first of the names that is a file in a folder of PATH; null where none is.</summary>
    public static string? Found { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(_ => Names, Path.Combine).FirstOrDefault(File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Found is null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Found, Args = Arguments });
    }

    /// <summary>Opens a file, and whatever goes wrong in it is remembered.</summary>
    /// <param name="file">The page.</param>
    /// <param name="width">How wide the window is.</param>
    /// <param name="dark">Whether the user prefers dark colours.</param>
    /// <param name="fragment">What stands behind # in the address.</param>
    /// <param name="still">Whether the user prefers reduced motion.</param>
    public async Task<Visit> OpenAsync(string file, int width = 1280, bool dark = false, string fragment = "", bool still = false)
    {
        Assert.SkipWhen(_browser is null, $"There is no Chromium on PATH ({string.Join(", ", Names)}).");
        var context = await _browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = still ? ReducedMotion.Reduce : ReducedMotion.NoPreference,
        });
        var visit = new Visit(context, await context.NewPageAsync());
        await visit.Page.GotoAsync(new Uri(file).AbsoluteUri + fragment);
        return visit;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}

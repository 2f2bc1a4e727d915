using System.Net;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>The published playground, served from a directory below the root of a host, as a project's page is. Where there is no browser or nothing published, tests are skipped and say so.</summary>
public sealed class PlaygroundSite : IAsyncLifetime
{
    /// <summary>The directory that <c>dotnet publish -c Release src/Backprop.Playground</c> writes, <c>wwwroot</c> of it.</summary>
    private const string Variable = "BACKPROP_PLAYGROUND";

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html",
        [".js"] = "text/javascript",
        [".css"] = "text/css",
        [".wasm"] = "application/wasm",
        [".gz"] = "application/gzip",
    };

    private HttpListener _listener = new();
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private string _root = "";

    /// <summary>Where it is.</summary>
    public string Address { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _root = Environment.GetEnvironmentVariable(Variable) ?? "";
        if (_root.Length == 0 || !File.Exists(Path.Combine(_root, "index.html")) || Chromium.Found is null) return;
        for (var port = 42_817; !_listener.IsListening && port < 42_917; port++)
        {
            try
            {
                _listener = new();      // one that could not start is of no use any more
                _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
                _listener.Start();
                Address = $"http://127.0.0.1:{port}/some/where/";
            }
            catch (HttpListenerException)
            {
                // Somebody has this port.
            }
        }

        _ = ServeAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Found, Args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
    }

    /// <summary>Opens the page and waits for its numbers.</summary>
    /// <param name="query">What the address says.</param>
    /// <param name="width">How wide the window is.</param>
    /// <param name="dark">Whether the user prefers dark colours.</param>
    public async Task<PlaygroundVisit> OpenAsync(string query = "", int width = 1600, bool dark = false)
    {
        Assert.SkipWhen(Chromium.Found is null, "There is no Chromium on PATH.");
        Assert.SkipWhen(_browser is null, $"{Variable} names no published playground: publish src/Backprop.Playground, and set it to the directory wwwroot that was written.");
        var context = await _browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 1000 },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
            AcceptDownloads = true,
        });
        var visit = new PlaygroundVisit(context, await context.NewPageAsync(), new Uri(Address).GetLeftPart(UriPartial.Authority));
        await visit.Page.GotoAsync(Address + query);
        await visit.Page.WaitForSelectorAsync("html[data-ready]", new() { Timeout = 120_000, State = WaitForSelectorState.Attached });
        return visit;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            var path = context.Request.Url!.AbsolutePath;
            var name = path.StartsWith("/some/where/", StringComparison.Ordinal) ? path["/some/where/".Length..] : "?";
            var file = Path.Combine(_root, name.Length == 0 ? "index.html" : name);
            if (name.Contains("..", StringComparison.Ordinal) || !File.Exists(file)) context.Response.StatusCode = 404;
            else
            {
                context.Response.ContentType = Types.GetValueOrDefault(Path.GetExtension(file), "application/octet-stream");
                try
                {
                    await context.Response.OutputStream.WriteAsync(await File.ReadAllBytesAsync(file));
                }
                catch (HttpListenerException)
                {
                    // The page was left before all of it came.
                }
            }

            context.Response.Close();
        }
    }
}

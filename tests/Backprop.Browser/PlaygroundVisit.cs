using System.Text.Json;
using FluentAssertions;
using Microsoft.Playwright;

namespace Backprop.Browser;

/// <summary>An open playground. When it is left, nothing may have gone wrong: no error, no warning, nothing that is not there, no request to anywhere else.</summary>
public sealed class PlaygroundVisit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _wrong = [];

    public PlaygroundVisit(IBrowserContext context, IPage page, string origin)
    {
        (_context, Page) = (context, page);
        page.SetDefaultTimeout(120_000);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") _wrong.Add($"{message.Type}: {message.Text}"); };
        page.PageError += (_, error) => _wrong.Add(error);
        page.Request += (_, request) => { if (!request.Url.StartsWith(origin, StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal) && !request.Url.StartsWith("blob:", StringComparison.Ordinal)) _wrong.Add($"A request: {request.Url}"); };
        page.Response += (_, response) => { if (response.Status >= 400) _wrong.Add($"{response.Status}: {response.Url}"); };
    }

    public IPage Page { get; }

    /// <summary>Where everything stands, as C# said it last.</summary>
    public async Task<JsonElement> StateAsync() => JsonDocument.Parse(await Page.EvaluateAsync<string>("JSON.stringify(playground.state)")).RootElement;

    /// <summary>One word of the state.</summary>
    public async Task<string?> StateAsync(string name) => (await StateAsync()).GetProperty(name).ToString();

    /// <summary>How long things took, in milliseconds.</summary>
    public async Task<double> TimeAsync(string name) => await Page.EvaluateAsync<double>($"playground.numbers.{name}");

    /// <summary>Waits until what was moved last is drawn, also where nobody sees it.</summary>
    public async Task DrawnAsync()
    {
        await Page.EvaluateAsync("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))");
        await UntilAsync("!document.querySelector('[data-behind]')");
    }

    /// <summary>Waits until something is so. The page's own rules forbid what Playwright would do: to make a function of a text.</summary>
    /// <param name="condition">What, as JavaScript.</param>
    public async Task UntilAsync(string condition)
    {
        for (var tries = 0; !await Page.EvaluateAsync<bool>(condition); tries++)
        {
            if (tries > 600) throw new TimeoutException($"It did not become so in a minute: {condition}");
            await Task.Delay(tries < 20 ? 20 : 100);
        }
    }

    /// <summary>All entries that stand in tables, by address, row and column.</summary>
    public async Task<Dictionary<string, double>> NumbersAsync()
    {
        await DrawnAsync();
        var json = await Page.EvaluateAsync<string>("JSON.stringify([...document.querySelectorAll('#root td[data-a]')].map(td => [`${td.dataset.a} ${td.dataset.r} ${td.dataset.c}`, td.dataset.value]))");
        return JsonSerializer.Deserialize<string[][]>(json)!.DistinctBy(pair => pair[0]).ToDictionary(pair => pair[0], pair => Numbers.Parse(pair[1]));
    }

    /// <summary>Nothing has gone wrong so far.</summary>
    /// <param name="when">After what, for the message.</param>
    public void ShouldBeWell(string when) => _wrong.Should().BeEmpty("nothing goes wrong with {0}", when);

    public async ValueTask DisposeAsync()
    {
        await _context.CloseAsync();
        _wrong.Should().BeEmpty();
    }
}

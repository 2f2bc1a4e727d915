using FluentAssertions;
using Microsoft.Playwright;

namespace Backprop.Browser;

/// <summary>An open page. When it is left, nothing may have gone wrong: no error, no warning, no request but the one for the file itself.</summary>
public sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _wrong = [];

    public Visit(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.SetDefaultTimeout(60_000);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") _wrong.Add($"{message.Type}: {message.Text}"); };
        page.PageError += (_, error) => _wrong.Add(error);
        page.Dialog += (_, dialog) => { _wrong.Add($"A dialog: {dialog.Message}"); _ = dialog.DismissAsync(); };
        page.Request += (_, request) => { if (request.ResourceType != "document" || !request.Url.StartsWith("file:", StringComparison.Ordinal)) _wrong.Add($"A request: {request.Url}"); };
    }

    public IPage Page { get; }

    /// <summary>The answer panel.</summary>
    public ILocator Panel => Page.Locator(".panel");

    /// <summary>The name of the entry that the panel explains.</summary>
    public Task<string> AskedAsync() => Panel.Locator("h2").InnerTextAsync();

    /// <summary>The cell of a table that stands for an entry.</summary>
    public ILocator Cell(string address, int row, int column) => Page.Locator($"td[data-a='{address}'][data-r='{row}'][data-c='{column}']").First;

    /// <summary>The full value that an element stands for.</summary>
    public static async Task<double> ValueAsync(ILocator element) => Numbers.Parse(await element.GetAttributeAsync("data-value") ?? "");

    public async ValueTask DisposeAsync()
    {
        await _context.CloseAsync();
        _wrong.Should().BeEmpty();
    }
}

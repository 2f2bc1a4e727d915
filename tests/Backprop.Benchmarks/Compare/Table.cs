using System.Globalization;

namespace Backprop.Benchmarks;

/// <summary>A column of a table.</summary>
/// <param name="Name">The heading.</param>
/// <param name="Width">Characters, where the text is aligned: to the left if negative.</param>
internal readonly record struct Column(string Name, int Width);

/// <summary>A table written row by row, as aligned text or as Markdown; not at all if it has no rows.</summary>
internal sealed class Table(bool markdown, string title, params Column[] columns)
{
    private bool _begun;

    public string Title => title;

    /// <summary>Writes a row; the first also writes the head.</summary>
    public void Add(params string[] cells)
    {
        if (!_begun)
        {
            _begun = true;
            Console.WriteLine(markdown ? $"\n**{title}**\n" : $"\n{title}");
            Write(Array.ConvertAll(columns, column => column.Name));
            if (markdown) Write(Array.ConvertAll(columns, column => column.Width < 0 ? "---" : "---:"));
            else Console.WriteLine(new string('-', columns.Sum(column => Math.Abs(column.Width))));
        }

        Write(cells);
    }

    /// <summary>A number with three or four significant digits.</summary>
    public static string Number(double value) => value.ToString(Math.Abs(value) switch
    {
        >= 100 => "0",
        >= 10 => "0.0",
        >= 1 => "0.00",
        _ => "0.000",
    }, CultureInfo.InvariantCulture);

    /// <summary>A ratio: <c>1.25x</c>.</summary>
    public static string Times(double ratio) => Number(ratio) + "x";

    /// <summary>A share in percent.</summary>
    public static string Percent(double share) => (100 * share).ToString("0", CultureInfo.InvariantCulture);

    private void Write(string[] cells) => Console.WriteLine(markdown
        ? $"| {string.Join(" | ", cells)} |"
        : string.Concat(cells.Zip(columns, (cell, column) => column.Width < 0 ? cell.PadRight(-column.Width) : cell.PadLeft(column.Width))));
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>Tables with a row for each point and a column for each quantity, x first.</summary>
internal static class NotebookRows
{
    private const int All = 16, Ends = 4;

    /// <summary>Shows a row for each point, or for the first and last few of many.</summary>
    public static void Show<T>(IAnsiConsole console, string[] headers, params ReadOnlySpan<Matrix<T>> columns) where T : unmanaged, IFloatingPointIeee754<T> =>
        console.Write(Rows(headers, columns));

    /// <summary>The same, and beneath it each column's mean, and the sum where that is a gradient's.</summary>
    public static void ShowWithMeanAndSum<T>(IAnsiConsole console, string[] headers, params ReadOnlySpan<Matrix<T>> columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = Rows(headers, columns);
        table.Columns[0].Footer = new Text("mean\nsum");
        for (var column = 1; column < columns.Length; column++)
        {
            var sum = columns[column].ColumnSums()[0];
            var mean = sum / T.CreateChecked(columns[column].RowCount);
            table.Columns[column].Footer = new Text($"{Screen.Short(mean)}\n{(headers[column].StartsWith("dL/", StringComparison.Ordinal) ? Screen.Short(sum) : "")}");
        }

        console.Write(table);
    }

    private static Table Rows<T>(string[] headers, ReadOnlySpan<Matrix<T>> columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = Screen.NewTable(headers);
        table.Columns[0].Alignment = Justify.Right;
        var n = columns[0].RowCount;
        for (var row = 0; row < n; row++)
        {
            if (n > All && row == Ends)
            {
                table.AddRow([.. Enumerable.Repeat("...", columns.Length)]);
                row = n - Ends;
            }

            var cells = new string[columns.Length];
            for (var column = 0; column < cells.Length; column++) cells[column] = Screen.Short(columns[column][row, 0]);
            table.AddRow(cells);
        }

        return table;
    }
}

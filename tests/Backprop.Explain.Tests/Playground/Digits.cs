using System.IO.Compression;
using Backprop.Playground;

namespace Backprop.Explain.Tests.Playground;

/// <summary>The digits, loaded as the page loads them.</summary>
internal static class Digits
{
    public static void Load()
    {
        if (DataSet.HasDigits) return;
        using var file = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "digits.csv.gz")), CompressionMode.Decompress);
        DataSet.LoadDigits(new StreamReader(file).ReadToEnd());
    }
}

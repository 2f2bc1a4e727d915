using System.Runtime.InteropServices.JavaScript;

namespace Backprop.Playground;

/// <summary>What the page's script may call: the <see cref="Workbench"/>, one method each.</summary>
internal static partial class Interop
{
    private static readonly Workbench Workbench = new();
    private static readonly List<double> Numbers = [];

    [JSExport] internal static string Catalogue() => Workbench.Catalogue();

    [JSExport] internal static bool NeedsDigits(string query) => Workbench.NeedsDigits(query);

    [JSExport] internal static void LoadDigits(string csv) => DataSet.LoadDigits(csv);

    [JSExport] internal static string Start(string query) => Workbench.Start(query);

    [JSExport] internal static string State() => Workbench.State();

    [JSExport]
    internal static string Explanation()
    {
        Numbers.Clear();
        return Workbench.Explanation(Numbers);
    }

    /// <summary>The entries of the quantities of the explanation before: digits would be written here only to be read there.</summary>
    [JSExport] internal static double[] Entries() => [.. Numbers];

    [JSExport] internal static string? Ask(string address, int row, int column) => Workbench.Ask(address, row, column);

    [JSExport] internal static string SetNetwork(string text) => Workbench.SetNetwork(text);

    [JSExport] internal static string InsertLayer(int index, string word) => Workbench.InsertLayer(index, word);

    [JSExport] internal static string RemoveLayer(int index) => Workbench.RemoveLayer(index);

    [JSExport] internal static string SetWidth(int index, int width) => Workbench.SetWidth(index, width);

    [JSExport] internal static string SetLoss(string word) => Workbench.SetLoss(word);

    [JSExport] internal static string SetData(string name) => Workbench.SetData(name);

    [JSExport] internal static string SetSeed(double seed) => Workbench.SetSeed(seed);

    [JSExport] internal static string SetOptimizer(string name) => Workbench.SetOptimizer(name);

    [JSExport] internal static string SetSetting(string name, double value) => Workbench.SetSetting(name, value);

    [JSExport] internal static string SetEntry(string address, int row, int column, double value) => Workbench.SetEntry(address, row, column, value);

    [JSExport] internal static string AddPoint(double first, double second, double @class) => Workbench.AddPoint(first, second, @class);

    [JSExport] internal static string MovePoint(int index, double first, double second) => Workbench.MovePoint(index, first, second);

    [JSExport] internal static string RemovePoint(int index) => Workbench.RemovePoint(index);

    [JSExport] internal static string Forward() => Workbench.Forward();

    [JSExport] internal static string Loss() => Workbench.Loss();

    [JSExport] internal static string Backward() => Workbench.Backward();

    [JSExport] internal static string Update() => Workbench.Update();

    [JSExport] internal static string Train(int steps) => Workbench.Train(steps);

    [JSExport] internal static string Reset() => Workbench.Reset();

    [JSExport] internal static string ShowHidden(bool on) => Workbench.ShowHidden(on);

    [JSExport] internal static byte[] Save() => Workbench.Save();

    [JSExport] internal static string Load(byte[] file) => Workbench.Load(file);

    [JSExport] internal static double[] Points() => Workbench.Points();

    [JSExport] internal static double[] Predictions() => Workbench.Predictions();

    [JSExport] internal static double[] Curve(double from, double to, int count) => Workbench.Curve(from, to, count);

    [JSExport] internal static double[] Surface(double from, double to, int count) => Workbench.Surface(from, to, count);

    [JSExport] internal static double[] History(int most) => Workbench.History(most);
}

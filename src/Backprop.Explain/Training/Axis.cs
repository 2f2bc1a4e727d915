namespace Backprop.Explain;

/// <summary>A scale, from 0 at its least to 1 at its most; widened to round numbers unless it is shared by small charts.</summary>
internal sealed class Axis
{
    private const int MostTicks = 5;

    private readonly double _from, _to, _step;
    private readonly bool _isLog;

    internal Axis(double least, double most, bool isLog, bool isNice = true)
    {
        _isLog = isLog && least > 0;
        var (from, to) = _isLog ? (Math.Log10(least), Math.Log10(most)) : (least, most);
        // Halves, so that the difference of two huge numbers is finite.
        var span = to / 2 - from / 2;
        if (!(span > Math.Abs(from) * 1e-12)) (from, to) = _isLog || from == 0 ? (from - 1, to + 1) : (from - Math.Abs(from) / 2, to + Math.Abs(to) / 2);
        _step = _isLog ? Math.Max(1, Math.Ceiling((to - from) / MostTicks)) : NiceStep((to / 4 - from / 4) / (MostTicks - 1) * 4);
        (_from, _to) = isNice ? (Math.Floor(from / _step) * _step, Math.Ceiling(to / _step) * _step) : (from, to);
        if (!double.IsFinite(_from) || !double.IsFinite(_to) || _to <= _from) (_from, _to) = (from, to);
    }

    /// <summary>Where a value lies, from 0 to 1.</summary>
    internal double At(double value) => Math.Clamp(((_isLog ? Math.Log10(value) : value) / 2 - _from / 2) / (_to / 2 - _from / 2), 0, 1);

    /// <summary>Where marks stand: at round numbers.</summary>
    internal IEnumerable<double> Ticks()
    {
        var first = Math.Ceiling(_from / _step - 1e-9);
        for (var k = 0; k <= MostTicks + 2 && (first + k) * _step <= _to + _step * 1e-9; k++) yield return _isLog ? Math.Pow(10, (first + k) * _step) : (first + k) * _step;
    }

    /// <summary>1, 2 or 5 times a power of ten, at least so large.</summary>
    internal static double NiceStep(double least)
    {
        if (!(least > 0) || !double.IsFinite(least)) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return power == 0 ? least : least / power <= 1 + 1e-9 ? power : least / power <= 2 ? 2 * power : least / power <= 5 ? 5 * power : 10 * power;
    }
}

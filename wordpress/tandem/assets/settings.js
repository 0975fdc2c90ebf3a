/**
 * The copy buttons of WooCommerce → Settings → Tandem.
 */
( function () {
	'use strict';
	new ClipboardJS( '.tandem-copy' ).on( 'success', function ( event ) {
		var button = event.trigger;
		var label = button.dataset.label || button.textContent;
		button.dataset.label = label;
		button.textContent = button.dataset.copied;
		wp.a11y.speak( button.dataset.copied );
		setTimeout( function () {
			button.textContent = label;
		}, 2000 );
	} );
}() );
